"""What all steps of the day share: the stage, the screen, the keys so far, and what is expected again and again."""

import time
from dataclasses import dataclass, field

from kms_perimeter.verdict import Outcome
from local.demo.screen import Screen
from local.stage import Alert, Stage, about


@dataclass(frozen=True)
class Day:
    """The day as it goes.

    Attributes:
        stage: Where the service runs.
        screen: What a person sees.
        keys: The ARN of each key that was made, by the name that the story gives it.
        fates: What became of each key, by that name.
    """

    stage: Stage
    screen: Screen
    keys: dict[str, str] = field(default_factory=dict)
    fates: dict[str, str] = field(default_factory=dict)

    def told(self, key: str) -> Alert:
        """Wait for the alert that the key is open, and that the guard is about to close it."""
        return self.stage.alerts.wait_for(about(key, "remediate"), "the alert about the open key")

    def expect_explained(self, alert: Alert, *, who: str, address: str, statement: str) -> None:
        """The alert says who did it, from where, and which statement lets outside requests through."""
        actor, change = who.rsplit("/", 1)[-1], alert.data["change"]
        self.screen.expect(f"it names who did it: {actor}", f"/{actor}" in change["actor"], change["actor"])
        self.screen.expect(f"and from where: {address}", change["source_ip"] == address, change["source_ip"])
        sids = {escape["statement"]["sid"] for escape in alert.data["escapes"]}
        self.screen.expect(f"and through which statement: {statement}", statement in sids, sids)

    def expect_closed(self, key: str, start: float, *, show: bool = True) -> None:
        """The guard reports the key as closed, on SNS and in Slack, and it is closed; shows the change if told to."""
        report = self.stage.alerts.wait_for(about(key, "remediated"), "the report that the key is closed")
        seconds = time.monotonic() - start
        self.screen.say(f"The guard has put its statement in, {seconds:.1f} s after the call.")
        if show:
            self.screen.diff(report.data["diff"])
        outcome = self.stage.judge(key).outcome
        self.screen.expect("the policy, read back and judged here, is enclosed", outcome is Outcome.ENCLOSED, outcome)
        posts = self.stage.slack_about(key, 2)
        self.screen.expect("Slack has the alert and the report", len(posts) == 2, posts)  # noqa: PLR2004
