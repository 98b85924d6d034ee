"""The guard's own call is on the trail like anybody's: proof that it starts nothing."""

from local.demo.day import Day
from local.stage import about, put_by


def the_guards_own_event_comes_round(day: Day) -> None:
    """The guard's PutKeyPolicy events come to the guard, which finds enclosed keys and stays silent."""
    day.screen.say("To close the keys the guard has called PutKeyPolicy, so its own events come to it as well.")
    for name, key in day.keys.items():
        _expect_silence(day, name, key)


def _expect_silence(day: Day, name: str, key: str) -> None:
    stage, screen = day.stage, day.screen
    record = stage.trail.wait_for(put_by(stage.guard, key), f"the event of the guard's own call about {name}")
    screen.call("the guard's role", f"PutKeyPolicy({name}), event {record.event_id}")
    line = stage.journal.wait_for("the look at the guard's own event", key=key, cause=record.event_id)
    screen.expect("on_key_change has looked at this very event and is quiet", line.done == "quiet", line)
    heard = [alert.data["kind"] for alert in stage.alerts.those(about(key))]
    screen.expect("nobody has been told anything new", heard == ["remediate", "remediated"], heard)
