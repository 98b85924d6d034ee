"""What the service does about a verdict: every mode, every history."""

from datetime import date

import pytest

from kms_perimeter.decision import Decision, DecisionKind, History, Severity, decide, severity_of
from kms_perimeter.perimeter import Mode, Perimeter, PolicyException, Rule
from kms_perimeter.verdict import Escape, Outcome, Request, Route, StatementRef, Verdict

OURS = "111122223333"
STRANGER = "444455556666"
KEY = f"arn:aws:kms:us-east-1:{OURS}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def a_perimeter(mode: Mode = Mode.ENFORCE) -> Perimeter:
    """A simple perimeter of that mode."""
    return Perimeter("default", (Rule("use", ("cryptographic",), vpcs=("vpc-12345678",)),), mode=mode)


def an_escape(operation: str = "kms:Decrypt", by: str = OURS) -> Escape:
    """An escape for this operation by a role of that account."""
    request = Request(f"arn:aws:iam::{by}:role/any", operation, KEY, {})
    return Escape(operation, "use", Route.IAM, StatementRef(0, None), request, "why")


def a_verdict(outcome: Outcome, *escapes: Escape) -> Verdict:
    """A verdict, with a reason where the outcome has one."""
    reason = "too large" if outcome in (Outcome.UNDECIDED, Outcome.MALFORMED) else None
    return Verdict(outcome, "default", "ENCRYPT_DECRYPT", escapes, reason=reason)


ENCLOSED = a_verdict(Outcome.ENCLOSED)
OPEN = a_verdict(Outcome.ESCAPES, an_escape())
UNDECIDED = a_verdict(Outcome.UNDECIDED)
MALFORMED = a_verdict(Outcome.MALFORMED)
EXCEPTION = PolicyException(KEY, "moves in January", "team-x", date(2027, 1, 31))
TOLD = "told already: the policy is the same"


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(Mode.ALERT, DecisionKind.ALERT), (Mode.APPROVE, DecisionKind.ASK), (Mode.ENFORCE, DecisionKind.REMEDIATE)],
)
def test_the_mode_decides_about_an_escape(mode: Mode, kind: DecisionKind) -> None:
    """An escape is told, asked about or fixed, as the perimeter's mode says."""
    decision = decide(OPEN, a_perimeter(mode))

    reason = f"the policy lets outside requests through and the mode is {mode}"
    assert decision == Decision(kind, reason, Severity.HIGH)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("verdict", [UNDECIDED, MALFORMED], ids=["undecided", "malformed"])
def test_what_is_not_proved_is_told_and_never_touched(mode: Mode, verdict: Verdict) -> None:
    """An undecided or malformed policy alerts in every mode."""
    decision = decide(verdict, a_perimeter(mode))

    reason = f"the policy is {verdict.outcome}, and what is not proved is not touched"
    assert (decision.kind, decision.reason) == (DecisionKind.ALERT, reason)


def test_an_enclosed_key_is_silence() -> None:
    """The guard's own change comes round again and finds nothing to say."""
    decision = decide(ENCLOSED, a_perimeter(), carried=ENCLOSED)

    assert decision == Decision(DecisionKind.IGNORE, "the key is enclosed", Severity.INFO)


@pytest.mark.parametrize(
    ("history", "carried"),
    [(History(), OPEN), (History(was_open=True), None)],
)
def test_a_closed_exposure_is_told(history: History, carried: Verdict | None) -> None:
    """A key that was open for a while is told about, though it is enclosed by now."""
    decision = decide(ENCLOSED, a_perimeter(), history=history, carried=carried)

    expected = Decision(
        DecisionKind.ALERT, "the key was open and is enclosed again", Severity.LOW, closes_exposure=True
    )
    assert decision == expected


@pytest.mark.parametrize("verdict", [OPEN, UNDECIDED, MALFORMED], ids=["escapes", "undecided", "malformed"])
def test_an_exception_is_kept_silently(verdict: Verdict) -> None:
    """A key that somebody answers for is left alone, and the reason names who and until when."""
    decision = decide(verdict, a_perimeter(), exception=EXCEPTION)

    reason = "excepted: team-x answers for the key until 2027-01-31: moves in January"
    assert decision == Decision(DecisionKind.IGNORE, reason, Severity.INFO, excepted=True)


def test_no_perimeter_is_nothing_to_keep() -> None:
    """A key that no perimeter is for is ignored."""
    assert decide(OPEN, None).kind is DecisionKind.IGNORE


@pytest.mark.parametrize(
    ("verdict", "mode", "expected"),
    [
        (OPEN, Mode.ALERT, DecisionKind.IGNORE),
        (OPEN, Mode.APPROVE, DecisionKind.IGNORE),
        (OPEN, Mode.ENFORCE, DecisionKind.REMEDIATE),
        (UNDECIDED, Mode.ENFORCE, DecisionKind.IGNORE),
    ],
)
def test_the_same_policy_is_told_once(verdict: Verdict, mode: Mode, expected: DecisionKind) -> None:
    """What was told of this very policy is not told again; a fix that is due is still due."""
    history = History(told=True)

    assert decide(verdict, a_perimeter(mode), history=history).kind is expected


@pytest.mark.parametrize("mode", Mode)
def test_what_infrastructure_code_owns_is_only_told(mode: Mode) -> None:
    """A key whose code would put its own policy back is told about once, in every mode."""
    told = decide(OPEN, a_perimeter(mode), owned_by="ManagedBy=terraform")
    again = decide(OPEN, a_perimeter(mode), owned_by="ManagedBy=terraform", history=History(told=True))

    reason = "its tag ManagedBy=terraform says that infrastructure code manages it, so it must be fixed there"
    assert told == Decision(DecisionKind.ALERT, reason, Severity.HIGH)
    assert (again.kind, again.reason) == (DecisionKind.IGNORE, TOLD)


@pytest.mark.parametrize(
    ("remediations", "kind"),
    [
        (0, DecisionKind.REMEDIATE),
        (2, DecisionKind.REMEDIATE),
        (3, DecisionKind.CONTESTED),
        (9, DecisionKind.CONTESTED),
    ],
)
def test_gives_up_on_a_key_that_is_opened_again_and_again(remediations: int, kind: DecisionKind) -> None:
    """After so many remediations within the window the key is contested."""
    history = History(recent_remediations=remediations)

    assert decide(OPEN, a_perimeter(), history=history, contested_after=3).kind is kind


def test_a_contested_key_is_at_least_high() -> None:
    """Giving up is said loudly, whatever is open."""
    verdict = a_verdict(Outcome.ESCAPES, an_escape("kms:Verify"))

    decision = decide(verdict, a_perimeter(), history=History(recent_remediations=1), contested_after=1)

    reason = "the guard has closed the key 1 time and somebody opens it again each time"
    assert decision == Decision(DecisionKind.CONTESTED, reason, Severity.HIGH)


def test_a_contested_key_is_left_alone() -> None:
    """Once contested, a key is only told about, and only when its policy is another."""
    new = decide(OPEN, a_perimeter(), history=History(contested=True, recent_remediations=5))
    same = decide(OPEN, a_perimeter(), history=History(contested=True, told=True))

    assert new == Decision(DecisionKind.ALERT, "the key is contested, so the guard leaves it alone", Severity.HIGH)
    assert same == Decision(DecisionKind.IGNORE, TOLD, Severity.HIGH)


@pytest.mark.parametrize(
    ("verdict", "severity"),
    [
        (ENCLOSED, Severity.INFO),
        (UNDECIDED, Severity.MEDIUM),
        (MALFORMED, Severity.HIGH),
        (a_verdict(Outcome.ESCAPES, an_escape("kms:DescribeKey")), Severity.LOW),
        (a_verdict(Outcome.ESCAPES, an_escape("kms:Encrypt")), Severity.MEDIUM),
        (a_verdict(Outcome.ESCAPES, an_escape("kms:Encrypt", by=STRANGER)), Severity.MEDIUM),
        (a_verdict(Outcome.ESCAPES, an_escape("kms:Sign")), Severity.HIGH),
        (a_verdict(Outcome.ESCAPES, an_escape("kms:PutKeyPolicy")), Severity.HIGH),
        (a_verdict(Outcome.ESCAPES, an_escape("kms:Decrypt", by=STRANGER)), Severity.CRITICAL),
        (a_verdict(Outcome.ESCAPES, an_escape("kms:DescribeKey"), an_escape("kms:CreateGrant")), Severity.HIGH),
    ],
)
def test_how_bad_it_is_depends_on_what_is_open_and_to_whom(verdict: Verdict, severity: Severity) -> None:
    """The worst escape counts: reading, using, taking over; and a stranger's is worse than one of our own account."""
    assert severity_of(verdict) is severity


def test_prints_as_json() -> None:
    """A decision is data that other programs can read."""
    assert decide(OPEN, a_perimeter()).to_json() == {
        "decision": "remediate",
        "reason": "the policy lets outside requests through and the mode is enforce",
        "severity": "high",
        "closes_exposure": False,
    }
