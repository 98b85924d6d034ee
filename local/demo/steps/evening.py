"""The end of the day: nothing was lost on the way, and every key is as the story says."""

from kms_perimeter.verdict import Outcome
from local.demo.day import Day

_EXPECTED = {
    "orders": Outcome.ENCLOSED,
    "exports": Outcome.ENCLOSED,
    "reports": Outcome.ESCAPES,
    "archive": Outcome.ENCLOSED,
}


def nothing_is_left_over(day: Day) -> None:
    """No function failed, no message was given up, and the keys are judged once more."""
    failures = day.stage.failures()
    day.screen.expect("no function failed, no message was given up, Slack refused none", not failures, failures)
    outcomes = {name: day.stage.judge(key).outcome for name, key in day.keys.items()}
    day.screen.expect("every key but the contested one is enclosed", outcomes == _EXPECTED)
    day.screen.keys(
        (
            name,
            key.rsplit("/", 1)[-1].split("-")[0],
            day.fates.get(name, "the step about it did not end well"),
            outcomes[name].value,
        )
        for name, key in day.keys.items()
    )
