"""`replay`: tell what the service would decide on CloudTrail events, without AWS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from kms_perimeter import cloudtrail, reading
from kms_perimeter.cli import inputs
from kms_perimeter.cloudtrail import Ignored, KeyChange
from kms_perimeter.decision import Decision, decide
from kms_perimeter.errors import InvalidInput
from kms_perimeter.policy.key import Key
from kms_perimeter.policy.record import replace
from kms_perimeter.verdict import Verdict, judge

if TYPE_CHECKING:
    from kms_perimeter.cli.inputs import KeyOptions
    from kms_perimeter.perimeter import PerimeterFile


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one event.

    Attributes:
        file: where the event is from.
        read: the change of a key, or why the event is ignored.
        would_read: what the service would read from AWS before it decides.
        outside: whether the call itself came from outside, or None where that cannot be told.
        verdict: on the policy that the event carries, where there is one and a perimeter.
        decision: for a key without history, whose live policy is the one that the event carries.
    """

    file: str
    read: KeyChange | Ignored
    would_read: tuple[str, ...] = ()
    outside: bool | None = None
    verdict: Verdict | None = None
    decision: Decision | None = None

    def to_json(self) -> dict[str, Any]:
        """What ``--format json`` prints."""
        return {
            "file": self.file,
            "change": self.read.to_json() if isinstance(self.read, KeyChange) else None,
            "ignored": self.read.to_json() if isinstance(self.read, Ignored) else None,
            "would_read": list(self.would_read),
            "created_from_outside": self.outside,
            "verdict": self.verdict.to_json() if self.verdict else None,
            "decision": self.decision.to_json() if self.decision else None,
        }


EPILOG = """\
\b
Examples:
  kms-perimeter replay event.json --perimeter perimeter.json
  kms-perimeter replay events/*.json

Exit status: 0 whatever is decided, 2 bad usage or input.
"""


@click.command(epilog=EPILOG)
@click.argument("events", metavar="EVENT.json...", nargs=-1, required=True, shell_complete=inputs.complete_file)
@inputs.perimeter_option(required=False)
@inputs.usage_options
@inputs.format_option("text", "json")
def replay(events: tuple[str, ...], perimeter_name: str | None, key: KeyOptions, output: str) -> None:
    """Tell what the service would decide on CloudTrail events, without AWS.

    EVENT.json is an event as EventBridge delivers it, a bare CloudTrail record, or a trail's log file with its Records;
    `-` is standard input. The policy that an event carries is judged as if it were the key's live policy and the key
    were new to the ledger; the service itself reads the live policy. An event that makes a key tells its usage and
    spec; for any other they are those of the options.

    --format json prints an object for one event, an array for several or for a log file.
    """
    file = inputs.read_perimeters(perimeter_name) if perimeter_name else None
    loaded = [(name, _load(name)) for name in events]
    replayed = [_replayed(name, event, file, key) for name, content in loaded for event in _events(content)]
    if output == "json":
        printed = [one.to_json() for one in replayed]
        alone = len(loaded) == 1 and not _is_log(loaded[0][1])
        click.echo(json.dumps(printed[0] if alone else printed, indent=2))
    else:
        from kms_perimeter.cli import text  # noqa: PLC0415 - rich takes its time

        text.print_replayed(replayed)


def _load(name: str) -> Any:  # noqa: ANN401 - JSON
    content = inputs.read_text(name)
    try:
        return reading.parse(content, InvalidInput)
    except InvalidInput as error:
        raise inputs.InputError(f"{name}: {error}") from None


def _is_log(content: object) -> bool:
    """Whether this is a list of events: an array, or the file that a trail puts into its bucket."""
    return isinstance(content, list) or (isinstance(content, dict) and isinstance(content.get("Records"), list))


def _events(content: Any) -> list[Any]:  # noqa: ANN401 - JSON
    if not _is_log(content):
        return [content]
    return content if isinstance(content, list) else list(content["Records"])


def _replayed(name: str, event: object, file: PerimeterFile | None, options: KeyOptions) -> Replayed:
    change = cloudtrail.read(event)
    if isinstance(change, Ignored):
        return Replayed(name, change)
    needed = _needed(file)
    if file is None:
        return Replayed(name, change, needed)
    perimeter, _ = inputs.choose(file)
    outside = cloudtrail.came_from_outside(change, perimeter)
    if change.policy is None:
        return Replayed(name, change, needed, outside)
    verdict = judge(change.policy, _key(change, _made(event), options), perimeter)
    verdict = replace(verdict, advisories=(*verdict.advisories, *cloudtrail.advisory_on(change, outside=outside)))
    exception = file.exception_for(change.key_arn, change.time.date())
    return Replayed(name, change, needed, outside, verdict, decide(verdict, perimeter, exception=exception))


def _needed(file: PerimeterFile | None) -> tuple[str, ...]:
    tags = ("kms:ListResourceTags",) if file and file.needs_tags else ()
    aliases = ("kms:ListAliases",) if file and file.needs_aliases else ()
    return ("kms:DescribeKey", *tags, *aliases, "kms:GetKeyPolicy")


def _made(event: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """What the event says of a key that it made; empty for any other event."""
    response = event.get("detail", event).get("responseElements") or {}
    made = response.get("keyMetadata") or response.get("replicaKeyMetadata") or {}
    return {name: value for name, value in made.items() if isinstance(value, str)}


def _key(change: KeyChange, made: dict[str, Any], options: KeyOptions) -> Key:
    _, partition, _, region, account, resource = change.key_arn.split(":", 5)
    return Key(
        account=account,
        region=region,
        key_id=resource.removeprefix("key/"),
        usage=made.get("keyUsage", options.usage),
        spec=made.get("keySpec", options.spec),
        partition=partition,
    )
