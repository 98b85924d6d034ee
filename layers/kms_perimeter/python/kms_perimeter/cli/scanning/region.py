"""One Region: its keys listed, and each looked at, some of them side by side."""

from __future__ import annotations

from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from kms_perimeter.errors import AccessIsDenied
from kms_perimeter.fleet import KeyFinding, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from kms_perimeter.aws.kms import Keys
    from kms_perimeter.cli.progress import Bar
    from kms_perimeter.cli.scanning.look import Look

Found = TypeVar("Found")

AHEAD = 4  # so many keys for each thread are waiting, however many there are in all


@dataclass(frozen=True, slots=True)
class Listed:
    """The keys of a Region as the lists tell of them.

    Attributes:
        arns: every key.
        aliases: the aliases by key ID; None where they may not be listed.
    """

    arns: tuple[str, ...]
    aliases: dict[str, tuple[str, ...]] | None

    def aliases_of(self, arn: str) -> tuple[str, ...] | None:
        """The aliases of a key."""
        return None if self.aliases is None else self.aliases.get(arn.rsplit("/", 1)[-1], ())

    def is_aws_managed(self, arn: str) -> bool:
        """Whether its alias shows it to be a key that AWS manages: nobody else's alias may begin like that."""
        return any(alias.startswith("alias/aws/") for alias in self.aliases_of(arn) or ())


def listed(keys: Keys, *, needs_aliases: bool) -> Listed:
    """The keys of a Region.

    Raises:
        AccessIsDenied: the aliases may not be listed, and some perimeter goes by them.
        ClientError: the keys may not be listed.
    """
    try:
        aliases = _aliases(keys)
    except AccessIsDenied:
        if needs_aliases:
            raise
        aliases = None
    return Listed(tuple(keys.all()), aliases)


def scan(look: Look, bar: Bar, workers: int) -> Iterator[KeyFinding | Skipped]:
    """What is found about each key of a Region, in the order in which KMS lists them.

    Raises:
        AccessIsDenied: as `listed`.
        ClientError: as `listed`, or the caller's credentials are no good any more.
    """
    found = listed(look.keys, needs_aliases=look.measure.perimeters.needs_aliases)
    tick = bar.start(look.keys.region, len(found.arns))

    def at(arn: str) -> KeyFinding | Skipped:
        return Skipped.AWS_MANAGED if found.is_aws_managed(arn) else look.at(arn, found.aliases_of(arn))

    for one in side_by_side(at, found.arns, workers):
        tick()
        yield one


def side_by_side(work: Callable[[str], Found], items: Iterable[str], workers: int) -> Iterator[Found]:
    """What the work gives for each item, in their order; few items wait at a time, and none is begun after an error."""
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Found]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= workers * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _aliases(keys: Keys) -> dict[str, tuple[str, ...]]:
    named: defaultdict[str, list[str]] = defaultdict(list)
    for alias, key_id in keys.aliases():
        named[key_id].append(alias)
    return {key_id: tuple(aliases) for key_id, aliases in named.items()}
