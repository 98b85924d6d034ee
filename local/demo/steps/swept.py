"""AWS delivers events on a best-effort basis; a key whose event is lost is found by the sweep."""

import time

from local.demo.cast import AT_HOME, DEVELOPER
from local.demo.day import Day


def a_sweep_finds_a_silent_key(day: Day) -> None:
    """A key is created and nobody hears of it; the sweep finds and closes it, and leaves AWS's own keys alone."""
    stage, screen = day.stage, day.screen
    screen.say('AWS delivers events on a "best effort" basis. Here a key is created and its event is lost.')
    lossy = stage.aws.client("kms", identity=DEVELOPER, source_ip=AT_HOME, loses_events=True)
    screen.call(DEVELOPER, 'CreateKey(Description="archive"), whose event is lost')
    key = day.keys["archive"] = lossy.create_key(Description="archive")["KeyMetadata"]["Arn"]
    managed = stage.aws.seed_managed_key("aws/ebs")
    screen.expect("the service has not heard of the key", not stage.journal.lines(key=key))
    _sweep_and_close(day, key, managed)
    day.fates["archive"] = "never heard of; found and closed by the sweep"


def _sweep_and_close(day: Day, key: str, managed: str) -> None:
    stage, screen = day.stage, day.screen
    heard, start = len(stage.alerts.items()), time.monotonic()
    screen.call("the schedule", "invokes on_sweep")
    stage.sweep()
    alert = day.told(key)
    screen.alert(alert.text, ("What is open", "Who did it", "What the guard does"))
    day.expect_closed(key, start, show=False)
    line = stage.journal.wait_for("the look at the key that AWS manages", key=managed)
    screen.expect("the key that AWS manages for EBS is skipped", line.reason == "aws-managed-key", line)
    others = [alert.subject for alert in stage.alerts.items()[heard:] if alert.data["key"] != key]
    screen.expect("nothing is said about the keys that it knew", not others, others)
