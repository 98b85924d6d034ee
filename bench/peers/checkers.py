"""What people check key policies with now, each asked as its own key check asks it.

Runs in .venvs/bench and knows nothing of ours: a line ``{"checker", "asked": [[policy text, account], ...], "vpces",
"vpcs"}`` in, a line of ``[milliseconds, verdict]`` out, where the verdict is whether the checker calls the policy fine,
or null if it crashed.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Checker = Callable[[str, str], bool]


def cloud_custodian(vpces: list[str], vpcs: list[str]) -> Checker:
    """The filter `cross-account` of the resource `kms-key`, told the approved networks and the key's own account."""
    from c7n.resources.kms import KMSPolicyChecker  # type: ignore[import-not-found]  # noqa: PLC0415  (each checker is loaded only when it is asked)

    def is_fine(text: str, account: str) -> bool:
        config = {"allowed_accounts": {account}, "allowed_vpce": set(vpces), "allowed_vpc": set(vpcs)}
        return not KMSPolicyChecker(config).check(text)

    return is_fine


def policyuniverse(_vpces: list[str], _vpcs: list[str]) -> Checker:
    """`Policy.is_internet_accessible`."""
    from policyuniverse.policy import Policy  # type: ignore[import-not-found]  # noqa: PLC0415

    return lambda text, _account: not Policy(json.loads(text)).is_internet_accessible()


def prowler(_vpces: list[str], _vpcs: list[str]) -> Checker:
    """`is_policy_public`, called as the check `kms_key_not_publicly_accessible` calls it."""
    # The module takes one function from Prowler's AWS provider, which needs much of Prowler, and does not call it here.
    provider: Any = ModuleType("prowler.providers.aws.aws_provider")
    provider.read_aws_regions_file = dict
    sys.modules[provider.__name__] = provider
    from prowler.providers.aws.services.iam.lib.policy import is_policy_public  # type: ignore[import-not-found]  # noqa: PLC0415

    return lambda text, account: not is_policy_public(json.loads(text), account, not_allowed_actions=[])


CHECKERS = {"c7n": cloud_custodian, "policyuniverse": policyuniverse, "prowler": prowler}


def judged(is_fine: Callable[[], bool]) -> tuple[float, bool | None]:
    """The time in milliseconds, and what is said."""
    began = time.perf_counter()
    try:
        said: bool | None = is_fine()
    except Exception:  # noqa: BLE001  (whatever it is, a crash is no verdict)
        said = None
    return (time.perf_counter() - began) * 1000, said


def main() -> None:
    """Answer until the input ends."""
    logging.disable(logging.CRITICAL)
    loaded: dict[str, Checker] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked["checker"]
        checker = loaded.setdefault(name, loaded.get(name) or CHECKERS[name](asked["vpces"], asked["vpcs"]))
        answers = [judged(partial(checker, text, account)) for text, account in asked["asked"]]
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
