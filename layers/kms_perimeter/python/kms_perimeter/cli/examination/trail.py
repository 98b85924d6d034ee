"""Does CloudTrail tell of the calls that the service watches for?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.cli.examination.sign import green, red, yellow
from kms_perimeter.cloudtrail import WATCHED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kms_perimeter.aws.trails import Trail
    from kms_perimeter.cli.examination.sign import Sign

TRAIL = "trail"


def examine(trails: Sequence[Trail], region: str) -> Sign:
    """The sign of the trail that tells most: one is enough, whatever the others leave out."""
    signs = [_of(trail, region) for trail in trails]
    if not signs:
        todo = "make a multi-Region trail that logs management events; without one no event reaches EventBridge"
        return red(TRAIL, f"no trail is for {region}: the service sees changes only when it sweeps", todo)
    return min(signs, key=lambda sign: sign.light)


def _of(trail: Trail, region: str) -> Sign:
    name = f"trail `{trail.name}`"
    if trail.logging is None:
        told = f"{name} is for {region}, but what it logs cannot be seen from here (an organization's trail?)"
        return yellow(TRAIL, told, "look at it in the account that owns it: it must log, and not exclude KMS events")
    if not trail.logging:
        return red(TRAIL, f"{name} does not log", f"aws cloudtrail start-logging --name {trail.name}")
    answers = {name: trail.logs(name) for name in WATCHED}
    missing = [name for name, logged in answers.items() if logged is False]
    if missing:
        return _leaves_out(trail, missing)
    if None in answers.values():
        told = f"{name} logs some KMS events by fields that only CloudTrail knows (who called, from where)"
        return yellow(TRAIL, told, "let its event selectors take all management events of kms.amazonaws.com")
    return green(TRAIL, f"{name} logs the management events of KMS in {region}")


def _leaves_out(trail: Trail, missing: list[str]) -> Sign:
    what = "KMS events" if len(missing) == len(WATCHED) else ", ".join(missing)
    if trail.excludes_kms:
        todo = "take `kms.amazonaws.com` out of ExcludeManagementEventSources, or out of the advanced event selectors"
        return red(TRAIL, f"trail `{trail.name}` excludes {what}", todo)
    todo = "let its event selectors take management events that write, those of kms.amazonaws.com among them"
    return red(TRAIL, f"trail `{trail.name}` does not log {what}", todo)
