import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from botocore.exceptions import ClientError

from kms_perimeter import guard, perimeter
from kms_perimeter.aws.ledger import Finding, Kind
from kms_perimeter.errors import KeyIsGone, KeyIsNotSavedYet, LedgerConflict
from kms_perimeter.evidence import SEEN_EVERYWHERE
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.guard import OWN_DOING
from kms_perimeter.perimeter import AppliesTo, Mode, Perimeter, PerimeterFile, PolicyException, Rule
from kms_perimeter.sweep import sweep_batches
from tests.unit.account import APPROVED, NOON, OPEN, OURS, REGION, STRANGER, Account, a_change, closed, refuse

ENCLOSED_CALLS = ["DescribeKey", "GetKeyPolicy", "UpdateItem"]
USE = Rule("use", ("cryptographic",), vpc_endpoints=(APPROVED,))


def test_an_open_key_is_told_ordered_and_recorded(account: Account) -> None:
    """In mode enforce an escape leads to an alert, an order and an entry with the policy."""
    arn = account.key(OPEN)

    report = guard.examine(account.guard, a_change(arn))

    assert (report.done, report.outcome) == ("remediate", "escapes")
    (alert,), (order,), (entry,) = account.told(), account.ordered(), account.guard.ledger.entries(arn)
    assert (alert["kind"], alert["verdict"], alert["key"]) == ("remediate", "escapes", arn)
    assert order["change"]["key_arn"] == arn
    assert (entry.kind, entry.cause, entry.facts["decision"]) == (Kind.VERDICT, "event-1", "remediate")
    assert json.loads(entry.facts["policy"]) == json.loads(OPEN)


def test_an_enclosed_key_costs_three_calls(account: Account) -> None:
    """Two reads and one note in the ledger, once the key is known."""
    arn = account.key(closed())
    guard.examine(account.guard, a_change(arn))
    account.calls.clear()

    report = guard.examine(account.guard, a_change(arn, "event-2"))

    assert (report.done, account.calls) == ("quiet", ENCLOSED_CALLS)
    assert account.kinds() == []


def test_the_same_event_is_told_once(account: Account) -> None:
    """EventBridge may deliver an event twice."""
    arn = account.key(OPEN)
    watching = account.in_mode(Mode.ALERT)

    for _ in range(3):
        guard.examine(watching, a_change(arn, policy=OPEN))

    assert account.kinds() == ["alert"]
    assert len(list(watching.ledger.entries(arn))) == 1


def test_an_open_key_is_not_told_again_by_every_sweep(account: Account) -> None:
    """What is known stays known until the policy, the verdict or the perimeter changes."""
    arn = account.key(OPEN)
    watching = account.in_mode(Mode.ALERT)
    guard.examine(watching, a_change(arn))

    guard.examine(watching, a_change(arn, "sweep-1"))
    assert account.kinds() == ["alert"]

    account.put(arn, closed("vpce-0000000000000000a"))
    guard.examine(watching, a_change(arn, "event-2"))
    assert account.kinds() == ["alert"]


def test_an_order_that_got_lost_is_given_again(account: Account) -> None:
    """In mode enforce a sweep that finds the same escape orders again, and tells nobody."""
    arn = account.key(OPEN)
    guard.examine(account.guard, a_change(arn))
    assert (len(account.ordered()), account.kinds()) == (1, ["remediate"])

    guard.examine(account.guard, a_change(arn, "sweep-1"))

    assert (len(account.ordered()), account.kinds()) == (1, [])


@pytest.mark.parametrize(("mode", "kind"), [(Mode.ALERT, "alert"), (Mode.APPROVE, "ask")])
def test_only_enforce_orders(account: Account, mode: Mode, kind: str) -> None:
    """In the other modes people are told, and the key is left as it is."""
    arn = account.key(OPEN)

    guard.examine(account.in_mode(mode), a_change(arn))

    assert (account.kinds(), account.ordered()) == ([kind], [])


def test_a_perimeter_file_cannot_ask_for_more_than_was_deployed(account: Account) -> None:
    """The template's mode is the most that the service may do."""
    arn = account.key(OPEN)
    deployed = replace(account.guard, settings=replace(account.guard.settings, mode=Mode.ALERT))

    guard.examine(deployed, a_change(arn))

    assert (account.kinds(), account.ordered()) == (["alert"], [])


def test_a_key_that_was_open_in_between_is_told_with_the_time(account: Account) -> None:
    """The event's policy escaped, the live one does not: the alert says from when to when."""
    arn = account.key(closed())
    account.clock.pause(90)

    for _ in range(2):
        guard.examine(account.guard, a_change(arn, policy=OPEN))

    (alert,) = account.told()
    assert alert["kind"] == "exposure-closed"
    assert alert["exposed"] == {
        "from": NOON.isoformat(),
        "to": (NOON + timedelta(seconds=90)).isoformat(),
        "opened_by": a_change(arn).actor,
        "closed_by": None,
        "seconds": 90.0,
    }
    assert account.ordered() == []


def test_a_key_that_somebody_closes_is_told(account: Account) -> None:
    """The end of a drift is news as well, and it is the end of a contest."""
    arn = account.key(OPEN)
    guard.examine(account.guard, a_change(arn))
    account.guard.ledger.contest(arn, NOON)
    account.put(arn, closed())
    account.told()

    guard.examine(account.guard, a_change(arn, "event-2"))

    assert account.kinds() == ["exposure-closed"]
    assert account.guard.ledger.state(arn).contested_since is None


def test_the_guards_own_event_is_silent_even_if_it_overtakes_the_guard(account: Account) -> None:
    """The policy that a remediation has planned is no news, settled or not."""
    arn = account.key(OPEN)
    guard.examine(account.guard, a_change(arn))
    account.told()
    account.put(arn, closed())
    account.guard.ledger.plan(arn, fingerprint(closed()), NOON)

    report = guard.examine(account.guard, a_change(arn, "event-2", policy=closed()))

    assert (report.done, account.kinds()) == ("quiet", [])


def test_what_the_guard_has_put_but_never_told_of_is_told_by_a_later_sweep(account: Account) -> None:
    """A remediation that died after its put, and whose order was lost for good, does not leave the case open."""
    arn = account.key(OPEN)
    guard.examine(account.guard, a_change(arn))
    account.guard.ledger.plan(arn, fingerprint(closed()), NOON)
    account.put(arn, closed())
    account.told()

    account.clock.time = NOON + OWN_DOING + timedelta(minutes=1)
    guard.examine(account.guard, a_change(arn, "sweep-1", event_name="Sweep"))

    assert account.kinds() == ["exposure-closed"]
    state = account.guard.ledger.state(arn)
    assert (state.settled and state.settled.outcome, state.opening) == ("enclosed", None)


def test_a_key_that_is_opened_again_each_time_is_given_up_once(account: Account) -> None:
    """After three remediations within the hour the key is left alone, and that is said once."""
    arn = account.key(OPEN)
    account.guard.ledger.remediated(arn, tuple(NOON - timedelta(minutes=minute) for minute in (2, 1, 0)))

    for event in ("event-1", "event-2", "event-3"):
        guard.examine(account.guard, a_change(arn, event))

    assert (account.kinds(), account.ordered()) == (["contested"], [])
    assert account.guard.ledger.state(arn).contested_since == NOON


def test_remediations_before_the_window_do_not_count(account: Account) -> None:
    """Three remediations a day apart are three incidents, not a contest."""
    arn = account.key(OPEN)
    account.guard.ledger.remediated(arn, tuple(NOON - timedelta(days=day) for day in (3, 2, 1)))

    guard.examine(account.guard, a_change(arn))

    assert account.kinds() == ["remediate"]


LATER = NOON.date() + timedelta(days=30)


def excepted(arn: str, until: date) -> PerimeterFile:
    """The simple perimeter with an exception for the key."""
    simple = perimeter.simple((APPROVED,), (), Mode.ENFORCE)
    return replace(simple, exceptions=(PolicyException(arn, "migration", "team-x", until),))


def test_an_exception_holds_until_its_day(account: Account) -> None:
    """A key that somebody answers for is recorded and left alone; an expired exception is no exception."""
    arn = account.key(OPEN)

    guard.examine(account.under(excepted(arn, LATER)), a_change(arn))
    assert (account.kinds(), account.ordered()) == ([], [])
    assert [entry.facts["decision"] for entry in account.guard.ledger.entries(arn)] == ["ignore"]


def test_an_expired_exception_is_no_exception(account: Account) -> None:
    """The day after its last one, an exception holds no longer."""
    arn = account.key(OPEN)

    guard.examine(account.under(excepted(arn, NOON.date() - timedelta(days=1))), a_change(arn))

    assert account.kinds() == ["remediate"]


def test_tags_decide_on_the_perimeter_and_are_read_only_then(account: Account) -> None:
    """The perimeter of a key may go by its tags; a key under none is none of the guard's business."""
    production = Perimeter("production", (USE,), AppliesTo(tags=(("Environment", "production"),)), mode=Mode.ALERT)
    watching = account.under(PerimeterFile((production,)))
    tagged = account.key(OPEN, Tags=[{"TagKey": "Environment", "TagValue": "production"}])
    other = account.key(OPEN)

    assert guard.examine(watching, a_change(tagged)).done == "alert"
    assert guard.examine(watching, a_change(other)).reason == "no-perimeter"
    assert account.calls.count("ListResourceTags") == 2
    assert "ListAliases" not in account.calls


def test_a_key_that_leaves_its_perimeter_is_told_once(account: Account) -> None:
    """Whoever takes the tag off a key cannot open it behind the guard's back."""
    production = Perimeter("production", (USE,), AppliesTo(tags=(("Environment", "production"),)), mode=Mode.ALERT)
    watching = account.under(PerimeterFile((production,)))
    arn = account.key(closed(), Tags=[{"TagKey": "Environment", "TagValue": "production"}])
    guard.examine(watching, a_change(arn))
    account.kms.untag_resource(KeyId=arn.rsplit("/", 1)[1], TagKeys=["Environment"])

    done = [guard.examine(watching, a_change(arn, f"event-{n}", event_name="UntagResource")).done for n in (2, 3)]

    assert done == ["unwatched", "ignored"]
    (alert,) = account.told()
    assert alert["reason"] == "no perimeter applies to the key any more; it was under `production`"


def test_aws_managed_keys_are_none_of_ours(account: Account) -> None:
    """Nobody can change the policy of a key that AWS manages."""
    arn = account.key()
    account.kms.meta.events.register(
        "after-call.kms.DescribeKey", lambda parsed, **_: parsed["KeyMetadata"].update(KeyManager="AWS")
    )

    assert guard.examine(account.guard, a_change(arn)).reason == "aws-managed-key"
    assert account.calls == ["DescribeKey"]


def test_dying_and_dead_keys_are_none_of_ours(account: Account) -> None:
    """A key that is pending deletion or gone cannot be used."""
    dying = account.key()
    account.kms.schedule_key_deletion(KeyId=dying.rsplit("/", 1)[1])  # moto takes no ARN here
    gone = f"arn:aws:kms:{REGION}:{OURS}:key/00000000-0000-0000-0000-000000000000"

    assert guard.examine(account.guard, a_change(dying)).reason == "pending-deletion"
    account.clock.pause(SEEN_EVERYWHERE.total_seconds())
    assert guard.examine(account.guard, a_change(gone)).reason == "key-gone"
    assert account.kinds() == []


def test_a_key_that_still_seems_to_die_after_it_was_saved_is_looked_at_again(account: Account) -> None:
    """KMS is eventually consistent here too; what was put while nobody looked must not wait for the next sweep."""
    saved = account.key(OPEN)
    account.kms.schedule_key_deletion(KeyId=saved.rsplit("/", 1)[1])  # moto takes no ARN here
    change = a_change(saved, event_name="CancelKeyDeletion")

    with pytest.raises(KeyIsNotSavedYet):
        guard.examine(account.guard, change)
    account.clock.pause(SEEN_EVERYWHERE.total_seconds())

    assert guard.examine(account.guard, change).reason == "pending-deletion"  # somebody has scheduled it again


def test_a_key_that_is_not_seen_yet_is_looked_for_again(account: Account) -> None:
    """KMS is eventually consistent: who has just made a key may be told that there is none, and so may the guard."""
    gone = f"arn:aws:kms:{REGION}:{OURS}:key/00000000-0000-0000-0000-000000000000"

    with pytest.raises(KeyIsGone):
        guard.examine(account.guard, a_change(gone))


def test_keys_of_others_are_not_even_read(account: Account) -> None:
    """Another account's key, and another Region's, cost no call."""
    account.calls.clear()
    theirs = f"arn:aws:kms:{REGION}:{STRANGER}:key/1"
    elsewhere = f"arn:aws:kms:eu-west-1:{OURS}:key/1"

    assert guard.examine(account.guard, a_change(theirs)).reason == "another-account"
    assert guard.examine(account.guard, a_change(elsewhere)).reason == "another-region"
    assert account.calls == []


@pytest.mark.parametrize("operation", ["DescribeKey", "GetKeyPolicy"])
def test_a_key_that_cannot_be_read_is_told_once(account: Account, operation: str) -> None:
    """Silence would hide an open key behind a closed door."""
    arn = account.key()
    refuse(account.kms, operation, "AccessDeniedException", times=2)

    done = [guard.examine(account.guard, a_change(arn, event)).done for event in ("event-1", "event-2")]

    assert done == ["unreadable", "unreadable"]
    assert account.kinds() == ["unreadable"]


@pytest.mark.parametrize("operation", ["DescribeKey", "GetKeyPolicy"])
def test_throttling_brings_the_message_back(account: Account, operation: str) -> None:
    """What a retry may cure is raised, and nobody has been told anything."""
    arn = account.key()
    refuse(account.kms, operation, "ThrottlingException")

    with pytest.raises(ClientError, match="ThrottlingException"):
        list(guard.work(account.guard, an_event(arn)))

    assert (account.kinds(), account.ordered()) == ([], [])


def test_a_run_that_dies_before_it_settles_is_done_again(account: Account) -> None:
    """An alert may come twice then, but it is never lost."""
    arn = account.key(OPEN)
    refuse(account.dynamodb, "TransactWriteItems", "InternalServerError")
    with pytest.raises(ClientError, match="InternalServerError"):
        guard.examine(account.guard, a_change(arn))
    account.clock.pause(300)

    guard.examine(account.guard, a_change(arn))

    assert account.kinds() == ["remediate", "remediate"]
    assert len(account.ordered()) == 1
    assert len(list(account.guard.ledger.entries(arn))) == 1


def test_two_runs_side_by_side_tell_once(account: Account) -> None:
    """A key is often created, named and tagged within a second: the first run does the work, the others leave it."""
    arn = account.key(OPEN)
    account.guard.ledger.claim(arn, Finding("escapes", fingerprint(OPEN), "default"), NOON)

    report = guard.examine(account.guard, a_change(arn))

    assert (report.done, report.outcome) == ("deferred", "escapes")
    assert (account.kinds(), account.ordered()) == ([], [])


def test_a_run_that_had_nothing_to_do_sends_nobody_away(account: Account) -> None:
    """A look claims what it finds; if that was settled already, others must not rely on its being worked on."""
    arn = account.key(OPEN)
    for event in ("event-1", "event-2"):  # settled in silence, and then looked at once more
        guard.examine(account.under(excepted(arn, LATER)), a_change(arn, event))

    with pytest.raises(LedgerConflict):  # so that the message comes again, and is no longer met by a claim
        guard.examine(account.guard, a_change(arn, "event-3"))
    account.clock.pause(360)
    guard.examine(account.guard, a_change(arn, "event-3"))

    assert account.kinds() == ["remediate"]


def test_an_exposure_that_meets_another_run_comes_again(account: Account) -> None:
    """Its story is told by no other event, so it is not left to another run."""
    arn = account.key(closed())
    account.guard.ledger.claim(arn, Finding("enclosed", fingerprint(closed()), "default"), NOON)

    with pytest.raises(LedgerConflict):
        guard.examine(account.guard, a_change(arn, policy=OPEN))


def an_event(arn: str, name: str = "PutKeyPolicy") -> str:
    """An event of EventBridge, as the changes queue holds it."""
    detail = {
        "eventSource": "kms.amazonaws.com",
        "eventName": name,
        "eventID": "event-1",
        "eventTime": "2026-11-24T12:00:00Z",
        "awsRegion": REGION,
        "recipientAccountId": OURS,
        "resources": [{"ARN": arn, "type": "AWS::KMS::Key", "accountId": OURS}],
        "userIdentity": {"arn": f"arn:aws:iam::{OURS}:user/Alice"},
    }
    return json.dumps({"source": "aws.kms", "detail": detail})


def test_an_event_from_the_queue_is_worked_on(account: Account) -> None:
    """EventBridge's event names the key; all else is read."""
    arn = account.key(OPEN)

    (report,) = guard.work(account.guard, an_event(arn))

    assert (report.done, report.key_arn, report.cause) == ("remediate", arn, "event-1")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not JSON", "not-an-event"),
        ("[]", "not-an-event"),
        ('{"detail": {"eventSource": "s3.amazonaws.com"}}', "not-kms"),
        ('{"detail": 7}', "unreadable"),
    ],
)
def test_what_is_not_ours_has_a_name(account: Account, body: str, reason: str) -> None:
    """Whatever is in the queue, it does not block the batch that it comes in."""
    (report,) = guard.work(account.guard, body)

    assert (report.done, report.reason) == ("ignored", reason)


def a_sweep(*arns: str) -> Iterator[str]:
    """The messages of a sweep of these keys."""
    return (json.dumps(batch) for batch in sweep_batches("sweep-1", NOON, arns))


def test_a_swept_key_takes_the_same_path(account: Account) -> None:
    """A key that no event told about is found by the sweep, and nobody is blamed."""
    arns = [account.key(OPEN), account.key(closed())]

    reports = [report for body in a_sweep(*arns) for report in guard.work(account.guard, body)]

    assert [report.done for report in reports] == ["remediate", "ignore"]
    (alert,) = account.told()
    assert (alert["key"], alert["change"]) == (arns[0], None)


def test_one_bad_key_of_a_sweep_does_not_keep_the_others(account: Account) -> None:
    """The others are done, then the message fails; when it comes again they cost three calls each."""
    arns = [account.key(closed()) for _ in range(3)]
    (body,) = a_sweep(*arns)
    refuse(account.kms, "DescribeKey", "ThrottlingException")

    with pytest.raises(ClientError, match="ThrottlingException"):
        list(guard.work(account.guard, body))
    account.calls.clear()
    reports = list(guard.work(account.guard, body))

    assert [report.done for report in reports] == ["ignore", "quiet", "quiet"]
    assert account.kinds() == []


def test_alerts_lead_to_the_docs_where_the_deployment_says_they_are(account: Account) -> None:
    """The parameter `DocsUrl` comes through to whoever reads the alert."""
    settings = replace(account.guard.settings, docs_url="https://git.example.com/docs")
    guarded = replace(account.in_mode(Mode.ALERT), settings=replace(settings, mode=Mode.ALERT))

    guard.examine(guarded, a_change(account.key(OPEN)))

    (told,) = account.told()
    assert told["page"] == "https://git.example.com/docs/verdicts/escapes.md"
