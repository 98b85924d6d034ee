"""What is known and still so: exceptions and their end, keys that stay open, exposure windows, moves, owners."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from botocore.exceptions import ClientError

from kms_perimeter import guard, perimeter
from kms_perimeter.aws.ledger import Kind, Opening
from kms_perimeter.errors import LedgerConflict
from kms_perimeter.evidence import Guard
from kms_perimeter.perimeter import AppliesTo, Mode, Perimeter, PerimeterFile, PolicyException, Rule
from kms_perimeter.remediation import remediate
from kms_perimeter.reminding import AGAIN_AFTER, BEFORE_THE_END
from tests.unit.account import APPROVED, NOON, OPEN, Account, a_change, closed, refuse
from tests.unit.test_remediation import an_order

USE = Rule("use", ("cryptographic",), vpc_endpoints=(APPROVED,))
WIDER = replace(USE, vpcs=("vpc-12345678",))
TERRAFORM = [{"TagKey": "ManagedBy", "TagValue": "terraform"}]


def sweep(watching: Guard, account: Account, arn: str, day: int) -> None:
    """A sweep finds the key, so many days after noon."""
    account.clock.time = NOON + timedelta(days=day)
    found = a_change(arn, f"sweep-{day}", event_name="Sweep", actor="the sweep", time=account.clock.time)
    guard.examine(watching, found)


def excepted(arn: str, until: date, mode: Mode = Mode.ALERT) -> PerimeterFile:
    """The simple perimeter with an exception for the key."""
    simple = perimeter.simple((APPROVED,), (), mode)
    return replace(simple, exceptions=(PolicyException(arn, "migration", "team-x", until),))


def test_an_exception_is_quiet_until_a_week_before_its_end(account: Account) -> None:
    """Silence, then one reminder, however many sweeps come by."""
    arn = account.key(OPEN)
    until = NOON.date() + BEFORE_THE_END + timedelta(days=1)
    watching = account.under(excepted(arn, until))

    told = []
    for day in range(4):
        sweep(watching, account, arn, day)
        told.append(account.kinds())

    assert told == [[], ["exception-ends"], [], []]


def test_after_its_day_an_exception_is_enforced(account: Account) -> None:
    """The same policy that was quietly excepted is told and, in mode enforce, ordered to be fixed."""
    arn = account.key(OPEN)
    watching = account.under(excepted(arn, NOON.date(), Mode.ENFORCE))
    sweep(watching, account, arn, 0)
    assert (account.kinds(), account.ordered()) == (["exception-ends"], [])

    sweep(watching, account, arn, 1)

    assert account.kinds() == ["remediate"]
    assert len(account.ordered()) == 1


def test_after_its_day_an_exception_is_told_in_mode_alert_too(account: Account) -> None:
    """What was settled in silence is news once nobody answers for it."""
    arn = account.key(OPEN)
    watching = account.under(excepted(arn, NOON.date()))

    sweep(watching, account, arn, 0)
    sweep(watching, account, arn, 1)

    assert account.kinds() == ["exception-ends", "alert"]


def test_a_person_may_register_an_exception(account: Account) -> None:
    """One in the ledger holds like one of the perimeter file, for the service that changes policies too."""
    arn = account.key(OPEN)
    until = NOON.date() + timedelta(days=30)
    account.guard.ledger.except_(arn, PolicyException(arn, "rolled back", "alice", until))

    report = guard.examine(account.guard, a_change(arn))

    assert (report.done, account.kinds(), account.ordered()) == ("ignore", [], [])
    assert remediate(account.guard, an_order(arn)).reason == "excepted"
    assert "PutKeyPolicy" not in account.calls


def test_a_new_exception_after_a_reminder_is_reminded_of_again(account: Account) -> None:
    """Who puts the day off is reminded before the new one."""
    arn = account.key(OPEN)
    guard.examine(account.under(excepted(arn, NOON.date())), a_change(arn))
    assert account.kinds() == ["exception-ends"]

    later = account.under(excepted(arn, NOON.date() + timedelta(days=5)))
    sweep(later, account, arn, 0)

    assert account.kinds() == ["exception-ends"]


def test_an_open_key_is_told_once_and_then_once_a_day(account: Account) -> None:
    """Sweeps every few hours do not ring; after a day the key is in the digest, once."""
    arn = account.key(OPEN)
    watching = account.in_mode(Mode.ALERT)
    guard.examine(watching, a_change(arn))

    reminded = []
    for hour in range(0, 60, 6):
        account.clock.time = NOON + timedelta(hours=hour)
        guard.examine(watching, a_change(arn, f"sweep-{hour}", event_name="Sweep"))
        reminded += [(hour, notice["kind"]) for notice in account.noticed()]

    assert account.kinds() == ["alert"]
    assert reminded == [(24, "reminder"), (48, "reminder")]
    assert timedelta(hours=24) == AGAIN_AFTER


def test_a_key_that_nobody_can_judge_is_told_again_each_day_too(account: Account) -> None:
    """What could not be proved is as open as what escapes, until a person has judged it."""
    arn = account.key(OPEN[:-1])  # the closing brace is missing: malformed
    watching = account.in_mode(Mode.ALERT)
    guard.examine(watching, a_change(arn))
    assert account.kinds() == ["alert"]

    sweep(watching, account, arn, 1)

    assert (account.kinds(), [notice["kind"] for notice in account.noticed()]) == ([], ["reminder"])


def test_two_sweeps_side_by_side_remind_once(account: Account) -> None:
    """The run that takes the reminder first sends it."""
    arn = account.key(OPEN)
    watching = account.in_mode(Mode.ALERT)
    guard.examine(watching, a_change(arn))
    account.clock.time = NOON + AGAIN_AFTER

    sweep(watching, account, arn, 1)
    with pytest.raises(LedgerConflict):
        watching.ledger.remind(arn, NOON, account.clock.now())

    assert len(account.noticed()) == 1


def test_a_run_that_dies_while_it_reminds_is_done_again(account: Account) -> None:
    """A reminder may come twice, by the same mark, and is not put off for a day."""
    arn = account.key(OPEN)
    watching = account.in_mode(Mode.ALERT)
    guard.examine(watching, a_change(arn))
    account.clock.time = NOON + AGAIN_AFTER
    refuse(account.sqs, "SendMessageBatch", "InternalError")

    with pytest.raises(ClientError):
        sweep(watching, account, arn, 1)
    sweep(watching, account, arn, 1)

    assert len(account.noticed()) == 1


def test_the_alert_that_closes_a_case_tells_the_whole_window(account: Account) -> None:
    """Who opened the key and who closed it, when, and for how long; the ledger keeps it and so does the metric."""
    arn = account.key(OPEN)
    watching = account.in_mode(Mode.ALERT)
    guard.examine(watching, a_change(arn))
    account.told()
    account.put(arn, closed())
    account.clock.time = NOON + timedelta(minutes=7)

    by_alice = a_change(arn, "event-2", actor="Alice", time=NOON + timedelta(minutes=5))
    report = guard.examine(watching, by_alice)

    (alert,) = account.told()
    pipeline = a_change(arn).actor
    assert alert["exposed"] == {
        "from": NOON.isoformat(),
        "to": (NOON + timedelta(minutes=5)).isoformat(),
        "opened_by": pipeline,
        "closed_by": "Alice",
        "seconds": 300.0,
    }
    assert report.durations == {"ExposureSeconds": 300.0}
    assert '"seconds": 300.0' in next(iter(watching.ledger.entries(arn))).facts["exposure"]
    assert watching.ledger.state(arn).opening is None


def test_a_policy_that_is_replaced_by_another_open_one_is_open_since_the_first(account: Account) -> None:
    """An exposure lasts until the key is enclosed, whatever is put in between."""
    arn = account.key(OPEN)
    watching = account.in_mode(Mode.ALERT)
    guard.examine(watching, a_change(arn))
    account.put(arn, closed("vpce-0000000000000000a"))

    guard.examine(watching, a_change(arn, "event-2", actor="Alice", time=NOON + timedelta(minutes=5)))

    assert watching.ledger.state(arn).opening == Opening(NOON, a_change(arn).actor)


def test_a_key_that_nobody_could_judge_is_told_once_it_is_proved(account: Account) -> None:
    """Whoever was told that a policy cannot be understood hears when it is enclosed, and no exposure is claimed."""
    arn = account.key(OPEN[:-1])  # malformed
    watching = account.in_mode(Mode.ALERT)
    guard.examine(watching, a_change(arn))
    account.told()
    account.put(arn, closed())

    for event in ("event-2", "sweep-1"):
        guard.examine(watching, a_change(arn, event))

    (told,) = account.told()
    assert (told["kind"], told["verdict"], told["exposed"]) == ("exposure-closed", "enclosed", None)


def test_the_guards_own_fix_tells_the_window_too(account: Account) -> None:
    """The message about a remediation says how long the key was open."""
    arn = account.key(OPEN)
    guard.examine(account.guard, a_change(arn))
    account.told()
    account.clock.time = NOON + timedelta(seconds=40)

    report = remediate(account.guard, an_order(arn))

    (alert,) = account.told()
    assert (alert["exposed"]["seconds"], alert["exposed"]["closed_by"]) == (40.0, "the guard")
    assert report.durations == {"ExposureSeconds": 40.0}


def test_a_key_that_moves_to_a_weaker_perimeter_is_told(account: Account) -> None:
    """A tag taken off an enclosed key leaves it enclosed by a weaker rule: that is told, with what is weaker."""
    production = Perimeter("production", (USE,), AppliesTo(tags=(("Env", "prod"),)), mode=Mode.ENFORCE)
    watching = account.under(PerimeterFile((production, Perimeter("default", (WIDER,), mode=Mode.ALERT))))
    arn = account.key(closed(), Tags=[{"TagKey": "Env", "TagValue": "prod"}])
    guard.examine(watching, a_change(arn))
    account.kms.untag_resource(KeyId=arn, TagKeys=["Env"])

    for event in ("event-2", "event-3"):
        guard.examine(watching, a_change(arn, event, event_name="UntagResource"))

    (alert,) = account.told()
    assert alert["kind"] == "moved"
    assert (alert["moved"]["from"], alert["moved"]["to"]) == ("production", "default")
    assert "Its mode is alert now and was enforce." in alert["moved"]["weaker"]


def test_a_key_that_moves_to_a_stronger_perimeter_is_no_news(account: Account) -> None:
    """The way back is silent."""
    production = Perimeter("production", (USE,), AppliesTo(tags=(("Env", "prod"),)), mode=Mode.ENFORCE)
    watching = account.under(PerimeterFile((production, Perimeter("default", (WIDER,), mode=Mode.ALERT))))
    arn = account.key(closed())
    guard.examine(watching, a_change(arn))
    account.kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "Env", "TagValue": "prod"}])

    guard.examine(watching, a_change(arn, "event-2", event_name="TagResource"))

    assert account.kinds() == []


def test_a_key_that_infrastructure_code_manages_is_only_told(account: Account) -> None:
    """In mode enforce too the guard leaves it to the code, and says by which tag, with the change to make there."""
    simple = perimeter.simple((APPROVED,), (), Mode.ENFORCE)
    watching = account.under(replace(simple, alert_only_tags=(("ManagedBy", "terra*"),)))
    arn = account.key(OPEN, Tags=TERRAFORM)

    guard.examine(watching, a_change(arn))

    (alert,) = account.told()
    assert (alert["kind"], account.ordered()) == ("alert", [])
    assert "ManagedBy=terraform" in alert["decision"]["reason"]
    assert "KmsPerimeterGuard" in alert["plan"]["diff"]
    assert remediate(watching, an_order(arn)).done == "ignored"


def test_a_question_carries_its_plan_and_is_put_once(account: Account) -> None:
    """In mode approve the alert has an ID to approve and the diff, and both are in the ledger."""
    arn = account.key(OPEN)
    asking = account.in_mode(Mode.APPROVE)

    for event in ("event-1", "event-1", "sweep-1"):
        guard.examine(asking, a_change(arn, event))

    (alert,) = account.told()
    ask = asking.asks.get(alert["ask"])
    assert (ask.key_arn, ask.diff, ask.answer) == (arn, alert["plan"]["diff"], "")
    kinds = [entry.kind for entry in asking.ledger.entries(arn, newest_first=False)]
    assert kinds == [Kind.VERDICT, Kind.PROPOSED]


def test_a_plan_that_fails_is_told_and_not_asked_about(account: Account) -> None:
    """Nobody is asked to approve what must not be done."""
    arn = account.key(OPEN)
    account.kms.create_grant(KeyId=arn, GranteePrincipal="rds.amazonaws.com", Operations=["Decrypt"])

    guard.examine(account.in_mode(Mode.APPROVE), a_change(arn))

    (alert,) = account.told()
    assert alert["kind"] == "refused"
    assert "rds.amazonaws.com" in alert["refused"]
    kinds = {entry.kind for entry in account.guard.ledger.entries(arn)}
    assert kinds == {Kind.VERDICT, Kind.REFUSED}


def test_a_contested_key_names_who_opens_it_and_what_to_change(account: Account) -> None:
    """The one loud alert has everybody who has put the old policy back within the window, and the diff."""
    arn = account.key(OPEN)
    for minute, actor in enumerate(("Alice", "pipeline", "pipeline")):
        when = NOON + timedelta(minutes=minute)
        account.clock.time = when
        guard.examine(account.guard, a_change(arn, f"event-{minute}", actor=actor, time=when))
        remediate(account.guard, an_order(arn, f"event-{minute}"))
        account.put(arn, OPEN)
    account.told()

    account.clock.time = NOON + timedelta(minutes=5)
    guard.examine(account.guard, a_change(arn, "event-9", actor="Bob", time=account.clock.time))

    (alert,) = account.told()
    assert (alert["kind"], alert["actors"]) == ("contested", ["Bob", "pipeline", "Alice"])
    assert "KmsPerimeterGuard" in alert["plan"]["diff"]
