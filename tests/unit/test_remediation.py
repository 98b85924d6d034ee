import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kms_perimeter import guard, perimeter, verdict
from kms_perimeter.aws.ledger import Kind
from kms_perimeter.evidence import Guard
from kms_perimeter.fingerprint import fingerprint
from kms_perimeter.order import Order
from kms_perimeter.perimeter import Mode, PerimeterFile
from kms_perimeter.remediation import remediate
from tests.unit.account import APPROVED, NOON, OPEN, OURS, Account, a_change, closed, refuse


def an_order(arn: str, event: str = "event-1", policy: str = OPEN, approved_by: str | None = None) -> Order:
    """An order to fix the key, for a policy that escaped."""
    return Order(a_change(arn, event), fingerprint(policy), approved_by)


def kinds(account: Account, arn: str) -> list[Kind]:
    """The kinds of the key's entries, oldest first."""
    return [entry.kind for entry in account.guard.ledger.entries(arn, newest_first=False)]


def test_an_open_key_is_enclosed_saved_and_told(account: Account) -> None:
    """The old policy is in the ledger, the new one on the key, and the alert has the difference."""
    arn = account.key(OPEN)

    report = remediate(account.guard, an_order(arn))

    assert report.done == "remediated"
    assert verdict.judge(account.policy(arn), account.guard.keys.describe(arn).key, simple()).outcome == "enclosed"
    planned, done = account.guard.ledger.entries(arn, newest_first=False)
    assert (planned.kind, done.kind) == (Kind.PLANNED, Kind.REMEDIATED)
    assert json.loads(planned.facts["before"]) == json.loads(OPEN)
    assert json.loads(planned.facts["after"]) == json.loads(account.policy(arn))
    (alert,) = account.told()
    assert (alert["kind"], alert["verdict"], alert["diff"]) == ("remediated", "enclosed", planned.facts["diff"])


def simple() -> perimeter.Perimeter:
    """The perimeter of the account's guard."""
    return perimeter.simple((APPROVED,), (), Mode.ENFORCE).perimeters[0]


def test_the_old_policy_is_saved_before_the_new_one_is_put(account: Account) -> None:
    """Without a place to go back to, nothing is touched."""
    arn = account.key(OPEN)
    refuse(account.dynamodb, "TransactWriteItems", "InternalServerError")

    with pytest.raises(ClientError, match="InternalServerError"):
        remediate(account.guard, an_order(arn))

    assert json.loads(account.policy(arn)) == json.loads(OPEN)


def test_each_put_counts_though_the_look_that_ordered_it_is_not_settled_yet(account: Account) -> None:
    """An order may be quicker than the run that sent it: the ledger then still has the key as closed the last time."""
    arn = account.key(OPEN)
    remediate(account.guard, an_order(arn, "event-1"))
    account.put(arn, OPEN)

    remediate(account.guard, an_order(arn, "event-2"))

    assert len(account.guard.ledger.state(arn).remediated_at) == 2


def test_the_guards_own_event_finds_nothing_new(account: Account) -> None:
    """No loop: the key is enclosed, and that is settled."""
    arn = account.key(OPEN)
    guard.examine(account.guard, a_change(arn))
    remediate(account.guard, an_order(arn))
    account.told()

    report = guard.examine(account.guard, a_change(arn, "event-2", policy=account.policy(arn)))

    assert (report.done, account.kinds()) == ("quiet", [])


def test_the_old_event_delivered_again_is_no_news(account: Account) -> None:
    """EventBridge may repeat the event that opened the key, long after the guard has closed it."""
    arn = account.key(OPEN)
    opened = a_change(arn, policy=OPEN)
    guard.examine(account.guard, opened)
    remediate(account.guard, an_order(arn))
    account.told()

    report = guard.examine(account.guard, opened)

    assert (report.done, account.kinds()) == ("quiet", [])


def test_putting_the_old_policy_back_is_news(account: Account) -> None:
    """The very policy that was told before is told again once the guard has closed the key in between."""
    arn = account.key(OPEN)
    guard.examine(account.guard, a_change(arn))
    remediate(account.guard, an_order(arn))
    account.put(arn, OPEN)
    account.told()

    report = guard.examine(account.guard, a_change(arn, "event-2", policy=OPEN, time=NOON + timedelta(seconds=30)))

    assert (report.done, account.kinds()) == ("remediate", ["remediate"])


def test_a_key_that_is_enclosed_by_now_is_left_alone(account: Account) -> None:
    """Between the order and its turn somebody may have fixed the key."""
    arn = account.key(closed())

    report = remediate(account.guard, an_order(arn))

    assert report.done == "quiet"
    assert "PutKeyPolicy" not in account.calls
    assert account.kinds() == []


@pytest.mark.parametrize(
    "code", ["MalformedPolicyDocumentException", "LimitExceededException", "AccessDeniedException"]
)
def test_what_kms_refuses_is_told_once_and_not_tried_again(account: Account, code: str) -> None:
    """Hands off, with KMS's own words; the next sweep's order tells nobody anything."""
    arn = account.key(OPEN)
    refuse(account.kms, "PutKeyPolicy", code, times=2)

    done = [remediate(account.guard, an_order(arn, event)).done for event in ("event-1", "sweep-1")]

    assert done == ["refused", "refused"]
    (alert,) = account.told()
    assert alert["kind"] == "refused"
    assert alert["refused"] == f"KMS refuses the new policy: {code}: PutKeyPolicy is refused"
    assert alert["diff"]
    assert json.loads(account.policy(arn)) == json.loads(OPEN)


def test_throttling_brings_the_order_back_and_saves_the_policy_once(account: Account) -> None:
    """The next try goes on where the first one stopped."""
    arn = account.key(OPEN)
    refuse(account.kms, "PutKeyPolicy", "ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        remediate(account.guard, an_order(arn))
    assert account.kinds() == []

    remediate(account.guard, an_order(arn))

    assert account.kinds() == ["remediated"]
    assert kinds(account, arn) == [Kind.PLANNED, Kind.REMEDIATED]


def test_a_run_that_dies_after_the_put_is_completed(account: Account) -> None:
    """The next one finds the key enclosed by its own plan, and tells what was done, once."""
    arn = account.key(OPEN)
    refuse(account.sns, "Publish", "InternalErrorException")
    with pytest.raises(ClientError, match="InternalError"):
        remediate(account.guard, an_order(arn))

    done = [remediate(account.guard, an_order(arn)).done for _ in range(2)]

    assert done == ["remediated", "quiet"]
    (alert,) = account.told()
    assert (alert["kind"], alert["before"]["verdict"]) == ("remediated", "escapes")
    assert kinds(account, arn) == [Kind.PLANNED, Kind.REMEDIATED]


def overlay(account: Account, policies: list[str]) -> Callable[..., None]:
    """Makes KMS give these policies first, as if it took a while to see the last change."""

    def show(parsed: dict[str, Any], **_: object) -> None:
        if policies:
            parsed["Policy"] = policies.pop(0)

    account.kms.meta.events.register("after-call.kms.GetKeyPolicy", show)
    return show


def test_the_new_policy_may_take_a_moment_to_be_seen(account: Account) -> None:
    """KMS is eventually consistent: what is read back is read again before it is believed."""
    arn = account.key(OPEN)
    overlay(account, [OPEN] * 4)

    report = remediate(account.guard, an_order(arn))

    assert report.done == "remediated"
    assert account.calls.count("GetKeyPolicy") == 5
    assert account.clock.time - NOON == timedelta(seconds=0.7)


def test_another_policy_read_back_is_told_as_it_is(account: Account) -> None:
    """Nobody is told that a key is enclosed if what is read back is not."""
    arn = account.key(OPEN)
    overlay(account, [OPEN] * 7)

    report = remediate(account.guard, an_order(arn))

    (alert,) = account.told()
    assert report.done == "overtaken"
    assert (alert["kind"], alert["verdict"]) == ("alert", "escapes")


def grants_to_a_database(account: Account, arn: str) -> None:
    """A database works with the key through a grant."""
    account.kms.create_grant(
        KeyId=arn, GranteePrincipal="dynamodb.us-east-1.amazonaws.com", Operations=["Decrypt", "GenerateDataKey"]
    )


def test_a_key_that_services_use_through_grants_is_left_alone(account: Account) -> None:
    """A new Deny might stop a running database; people get the plan instead."""
    arn = account.key(OPEN)
    grants_to_a_database(account, arn)

    report = remediate(account.guard, an_order(arn))

    (alert,) = account.told()
    assert (report.done, alert["kind"]) == ("refused", "refused")
    assert "dynamodb.us-east-1.amazonaws.com" in alert["refused"]
    assert alert["diff"]
    assert json.loads(account.policy(arn)) == json.loads(OPEN)


def test_the_perimeter_may_allow_it_in_as_many_words(account: Account) -> None:
    """Who says so in the perimeter file gets such keys fixed."""
    arn = account.key(OPEN)
    grants_to_a_database(account, arn)
    allowed = replace(simple(), fix_keys_with_service_grants=True)

    assert remediate(account.under(PerimeterFile((allowed,))), an_order(arn)).done == "remediated"


def test_grants_that_cannot_be_listed_may_be_there(account: Account) -> None:
    """What the guard cannot see it does not risk."""
    arn = account.key(OPEN)
    refuse(account.kms, "ListGrants", "AccessDeniedException")

    report = remediate(account.guard, an_order(arn))

    assert report.done == "refused"
    assert "AccessDeniedException" in report.reason


def test_a_contested_key_is_left_alone(account: Account) -> None:
    """Orders that wait in the queue when a key becomes contested are void; it is said once."""
    arn = account.key(OPEN)
    account.guard.ledger.remediated(arn, (NOON, NOON, NOON))

    done = [remediate(account.guard, an_order(arn, event)) for event in ("event-1", "event-2")]

    assert [report.done for report in done] == ["ignored", "ignored"]
    assert account.kinds() == ["contested"]
    assert "PutKeyPolicy" not in account.calls


def approving(account: Account) -> Guard:
    """The guard where a person must say yes first."""
    return account.in_mode(Mode.APPROVE)


def test_without_approval_nothing_is_put(account: Account) -> None:
    """An order alone is not enough where a person must say yes."""
    arn = account.key(OPEN)

    report = remediate(approving(account), an_order(arn))

    assert (report.done, report.reason) == ("ignored", "decided-ask")
    assert json.loads(account.policy(arn)) == json.loads(OPEN)


def test_an_approved_order_is_carried_out_and_says_by_whom(account: Account) -> None:
    """Who said yes is in the ledger."""
    arn = account.key(OPEN)
    alice = f"arn:aws:iam::{OURS}:user/Alice"

    report = remediate(approving(account), an_order(arn, approved_by=alice))

    assert report.done == "remediated"
    assert {entry.facts["approved_by"] for entry in account.guard.ledger.entries(arn)} == {alice}


def test_an_approval_is_for_one_policy(account: Account) -> None:
    """Who approved the plan for one policy has not approved it for another."""
    arn = account.key(closed("vpce-0000000000000000a"))

    report = remediate(approving(account), an_order(arn, policy=OPEN, approved_by="Alice"))

    assert (report.done, report.reason) == ("ignored", "changed-since-approval")
    assert "PutKeyPolicy" not in account.calls


def test_a_key_that_cannot_be_read_any_more_is_told(account: Account) -> None:
    """Between the order and its turn the key may have shut the guard out."""
    arn = account.key(OPEN)
    refuse(account.kms, "GetKeyPolicy", "AccessDeniedException")

    assert remediate(account.guard, an_order(arn)).done == "unreadable"
    assert account.kinds() == ["unreadable"]


def test_the_guards_own_statement_follows_the_perimeter(account: Account) -> None:
    """A network that is approved later is let in on keys that the guard has closed, and that is told as what it is."""
    arn = account.key(OPEN)
    remediate(account.guard, an_order(arn))
    account.told()
    wider = account.under(perimeter.simple((APPROVED,), ("vpc-2b2b2b2b",), Mode.ENFORCE))

    seen = guard.examine(wider, a_change(arn, "sweep-1", event_name="Sweep"))
    (order,) = account.ordered()
    done = remediate(wider, Order.from_json(order))

    assert (seen.done, done.done) == ("follow", "followed")
    assert "vpc-2b2b2b2b" in account.policy(arn)
    assert account.kinds() == ["followed"]
    assert account.guard.ledger.state(arn).remediations_since(NOON - timedelta(days=1)) == 1
    assert guard.examine(wider, a_change(arn, "sweep-2", event_name="Sweep")).done == "quiet"


def test_what_the_guard_has_put_is_a_policy_to_go_back_to(account: Account) -> None:
    """The last enclosed policy of a key may be the guard's own."""
    arn = account.key(OPEN)

    remediate(account.guard, an_order(arn))

    last = account.guard.ledger.last_enclosed(arn)
    assert last is not None
    assert json.loads(last) == json.loads(account.policy(arn))


def test_a_statement_that_cannot_follow_is_told_once(account: Account) -> None:
    """If the plan fails, the key keeps its enclosed policy, and people hear why the new network is still shut out."""
    arn = account.key(OPEN)
    remediate(account.guard, an_order(arn))
    account.told()
    account.kms.create_grant(KeyId=arn, GranteePrincipal="rds.amazonaws.com", Operations=["Decrypt"])
    kept, wider = account.policy(arn), account.under(perimeter.simple((APPROVED,), ("vpc-2b2b2b2b",), Mode.ENFORCE))

    done = [remediate(wider, an_order(arn, event)).done for event in ("sweep-1", "sweep-2")]

    assert done == ["refused", "refused"]
    assert account.policy(arn) == kept
    (told,) = account.told()
    assert (told["kind"], told["verdict"]) == ("refused", "enclosed")
    assert "rds.amazonaws.com" in told["refused"]


def test_in_mode_alert_the_guards_own_statement_stays(account: Account) -> None:
    """What may only tell changes nothing."""
    arn = account.key(OPEN)
    remediate(account.guard, an_order(arn))
    account.told()
    wider = account.under(perimeter.simple((APPROVED,), ("vpc-2b2b2b2b",), Mode.ALERT))

    assert guard.examine(wider, a_change(arn, "sweep-1", event_name="Sweep")).done == "quiet"
    assert account.ordered() == []


def test_the_last_enclosed_policy_can_be_restored(account: Account) -> None:
    """With the strategy `restore` the key gets back the policy that the ledger knows to be enclosed."""
    arn = account.key(closed())
    restoring = replace(simple(), strategy=perimeter.Strategy.RESTORE)
    watching = account.under(PerimeterFile((restoring,)))
    guard.examine(watching, a_change(arn))
    account.put(arn, OPEN)

    report = remediate(watching, an_order(arn, "event-2"))

    assert report.done == "remediated"
    assert json.loads(account.policy(arn)) == json.loads(closed())
