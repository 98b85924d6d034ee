"""The wording of every message, whole, as `tests/cases/messages` has it, and the limits of what carries it."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from kms_perimeter import message
from kms_perimeter.cloudtrail import KeyChange
from kms_perimeter.decision import Decision, DecisionKind, Severity, decide
from kms_perimeter.fleet import Fleet, KeyFinding, Opened, Skipped
from kms_perimeter.letter import Letter, Part
from kms_perimeter.message import STILL_OPEN, Exposure, Matter, Message, Notice
from kms_perimeter.perimeter import Mode, Perimeter, PolicyException, Rule, Strategy
from kms_perimeter.remedy import Plan, Proof, ProofCode
from kms_perimeter.verdict import Advisory, Code, Escape, Outcome, Request, Route, StatementRef, Verdict

CASES = Path(__file__).parents[1] / "cases" / "messages"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DIFF = '--- present policy\n+++ new policy\n@@ -1 +1,2 @@\n {"Sid": "a"}\n+{"Sid": "b"}\n'
NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
OPENED = datetime(2026, 11, 24, 11, 52, 30, tzinfo=UTC)


def a_change(**differently: object) -> KeyChange:
    """Alice puts a policy from the internet."""
    known: dict[str, object] = {
        "event_id": "c217db1f-903f-4a2f-8f88-9580182d6313",
        "event_name": "PutKeyPolicy",
        "time": OPENED,
        "key_arn": KEY,
        "account": "111122223333",
        "region": "us-east-1",
        "actor": "arn:aws:iam::111122223333:user/Alice",
        "source_ip": "198.51.100.7",
        "policy": "{}",
    }
    return KeyChange(**(known | differently))  # type: ignore[arg-type]


def an_escape(operation: str, route: Route = Route.IAM, statement: StatementRef | None = None) -> Escape:
    """An escape of our account from the internet."""
    ref = statement or StatementRef(0, "Enable IAM policies")
    request = Request("arn:aws:iam::111122223333:role/any", operation, KEY, {"aws:SourceIp": "203.0.113.7"})
    return Escape(operation, "use", route, ref, request, f"an IAM policy may allow {operation} from the internet")


def a_verdict(outcome: Outcome = Outcome.ENCLOSED, *escapes: Escape, **more: object) -> Verdict:
    """A verdict by the perimeter `production`."""
    return Verdict(outcome, "production", "ENCRYPT_DECRYPT", escapes, **more)  # type: ignore[arg-type]


def a_perimeter(mode: Mode) -> Perimeter:
    """A perimeter of that mode."""
    return Perimeter("production", (Rule("use", ("cryptographic",), vpcs=("vpc-12345678",)),), mode=mode)


OPERATIONS = ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo")
OPEN = a_verdict(
    Outcome.ESCAPES,
    *(an_escape(f"kms:{name}") for name in OPERATIONS),
    an_escape("kms:Decrypt", Route.GRANT, StatementRef(2, None)),
    advisories=(
        Advisory(Code.SOURCE_IP_INEFFECTIVE, StatementRef(1, "Office"), "aws:SourceIp is absent behind an endpoint"),
    ),
)
UNDECIDED = a_verdict(Outcome.UNDECIDED, reason="the operator `BinaryEquals` is not understood")
ENCLOSED = a_verdict()
FROM_OUTSIDE = Matter(KEY, OPEN, a_change(), outside=True)
THROUGH_AN_ENDPOINT = a_change(source_ip="10.0.1.2", vpc_endpoint_id="vpce-1a2b3c4d")
SWEPT = a_change(event_name="Sweep", actor="the sweep", source_ip=None, policy=None, time=NOON)


def decided(verdict: Verdict, mode: Mode) -> Decision:
    """What is decided on the verdict in that mode, for a key without history."""
    return decide(verdict, a_perimeter(mode))


def a_notice(number: int, kind: str = "alert", severity: Severity = Severity.HIGH) -> Notice:
    """A notice about one of many keys."""
    key = f"{KEY[:-1]}{number}"
    headline = f"key {number} can be used from outside its perimeter"
    return Notice(kind, severity.value, key, "escapes", headline, f"{kind}/{key}/{number}")


PIPELINE = "arn:aws:sts::111122223333:assumed-role/Pipeline/run"
PROOFS = (
    Proof(ProofCode.ENCLOSED, True, "the new policy is enclosed"),  # noqa: FBT003 - the proof's own field
    Proof(ProofCode.NOTHING_LOST, True, "inside the perimeter nobody loses anything"),  # noqa: FBT003 - likewise
)
PLAN = Plan("{}", ENCLOSED, changed=True, diff=DIFF, refused=None, strategy=Strategy.GUARD, proofs=PROOFS)
REFUSED = replace(PLAN, refused="nobody could change the policy any more")

PLACE = message.ReportPlace(
    "reports", "reports/2026/11/24/121000Z-noon.html", "https://us-east-1.console.aws.amazon.com/s3/object/reports"
)


def a_key(number: int, verdict: Verdict | None = ENCLOSED, **more: object) -> KeyFinding:
    """One of the keys that a sweep has looked at."""
    found = KeyFinding("111122223333", "us-east-1", f"{KEY[:-1]}{number}", (f"alias/key-{number}",))
    return replace(found, verdict=verdict, perimeter="production", **more)  # type: ignore[arg-type]


SWEPT_OPEN = (
    a_key(1, OPEN, opened=Opened(OPENED, a_change().actor)),
    a_key(2, OPEN, opened=Opened(datetime(2026, 11, 1, 9, 0, tzinfo=UTC), "the sweep"), plan=REFUSED),
)
SWEPT_FLEET = Fleet(
    (
        *SWEPT_OPEN,
        a_key(3, UNDECIDED),
        a_key(4, None, unreadable="AccessDeniedException from GetKeyPolicy"),
        a_key(5),
        a_key(6),
    ),
    NOON,
    datetime(2026, 11, 24, 12, 10, tzinfo=UTC),
    {Skipped.AWS_MANAGED: 3, Skipped.PENDING_DELETION: 1},
)
SWEPT_SINCE = message.Comparison(
    datetime(2026, 11, 24, 6, 10, tzinfo=UTC), SWEPT_OPEN[:1], {f"{KEY[:-1]}5": "enclosed", f"{KEY[:-1]}9": "gone"}
)

MESSAGES = {
    "a_sweep_with_news": message.swept("noon", SWEPT_FLEET, SWEPT_SINCE, PLACE),
    "a_first_sweep_that_found_nothing": message.swept(
        "noon", replace(SWEPT_FLEET, findings=(a_key(5), a_key(6)), skipped={}), message.Comparison(None), PLACE
    ),
    "an_open_key_in_the_mode_alert": message.alert(FROM_OUTSIDE, decided(OPEN, Mode.ALERT)),
    "an_open_key_in_the_mode_approve": message.asked(FROM_OUTSIDE, decided(OPEN, Mode.APPROVE), PLAN, "0123456789ab"),
    "an_open_key_in_the_mode_enforce": message.alert(
        Matter(KEY, OPEN, THROUGH_AN_ENDPOINT), decided(OPEN, Mode.ENFORCE)
    ),
    "an_open_key_that_a_sweep_found": message.alert(Matter(KEY, OPEN, SWEPT), decided(OPEN, Mode.ALERT)),
    "an_undecided_key_whose_record_is_truncated": message.alert(
        Matter(KEY, UNDECIDED, a_change(truncated=True)), decided(UNDECIDED, Mode.ENFORCE)
    ),
    "an_open_key_in_the_mode_alert_with_what_would_close_it": message.alert(
        FROM_OUTSIDE, decided(OPEN, Mode.ALERT), PLAN
    ),
    "an_open_key_that_the_guard_could_not_fix": message.alert(FROM_OUTSIDE, decided(OPEN, Mode.ALERT), REFUSED),
    "a_contested_key": message.contested(FROM_OUTSIDE, 3, PLAN, [a_change().actor, PIPELINE, PIPELINE]),
    "a_key_that_moved": message.moved(
        Matter(KEY, ENCLOSED, a_change(event_name="UntagResource")),
        before="production",
        after="default",
        weaker=("No rule covers kms:PutKeyPolicy any more.", "Its mode is alert now and was enforce."),
    ),
    "an_exception_that_ends": message.exception_ends(
        FROM_OUTSIDE, PolicyException(KEY, "moves in January", "team-x", date(2026, 11, 30))
    ),
    "a_key_that_was_open_for_a_while": message.exposure_closed(
        Matter(KEY, ENCLOSED, a_change()), Exposure(OPENED, a_change().actor, NOON, PIPELINE), OPEN
    ),
    "a_key_that_nobody_could_judge_and_is_enclosed": message.exposure_closed(
        Matter(KEY, ENCLOSED), Exposure(None, "", NOON)
    ),
    "a_remediated_key": message.remediated(
        Matter(KEY, ENCLOSED, a_change()),
        before=OPEN,
        diff=DIFF,
        exposure=Exposure(OPENED, a_change().actor, NOON, "the guard"),
    ),
    "a_key_whose_guard_statement_follows": message.followed(Matter(KEY, ENCLOSED), diff=DIFF),
    "a_wrong_perimeter_file": message.perimeter_refused(
        "/kms-perimeter/perimeter", 4, "perimeters[0].mode: `enforcd` is none of `alert`, `approve`, `enforce`", 3
    ),
    "a_refused_plan": message.refused(FROM_OUTSIDE, reason="nobody could change the policy any more", diff=DIFF),
    "a_statement_that_cannot_follow": message.refused(
        Matter(KEY, ENCLOSED), reason="the key has grants to AWS services", diff=DIFF
    ),
    "a_refused_plan_without_diff": message.refused(FROM_OUTSIDE, reason="the key has grants to AWS services"),
    "an_unreadable_key": message.unreadable(KEY, reason="AccessDeniedException from GetKeyPolicy", change=a_change()),
    "a_digest": message.digest([a_notice(1), a_notice(2), a_notice(2), a_notice(3, STILL_OPEN, Severity.CRITICAL)]),
    "a_digest_of_reminders": message.digest([a_notice(1, STILL_OPEN)]),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_says_it_in_these_words(name: str) -> None:
    """The whole message, as somebody on call reads it on a phone."""
    said = MESSAGES[name]

    assert f"{said.subject}\n\n{said.text}" == (CASES / f"{name}.txt").read_text()


def test_every_case_is_a_message() -> None:
    """No text is left behind that nothing says any more."""
    assert {path.stem for path in CASES.glob("*.txt")} == MESSAGES.keys()


@pytest.mark.parametrize("said", MESSAGES.values(), ids=MESSAGES)
def test_fits_what_carries_it(said: Message) -> None:
    """SNS takes the subject, Slack's own models take the blocks, and the data is JSON."""
    assert said.subject.isascii()
    assert len(said.subject) < 100
    assert [block.to_dict() for block in Block.parse_all(said.blocks)] == said.blocks
    assert json.loads(json.dumps(said.data)) == said.data


@pytest.mark.parametrize("said", MESSAGES.values(), ids=MESSAGES)
def test_tells_programs_what_to_filter_by(said: Message) -> None:
    """Every message has a kind and a severity, and one about a key names it."""
    assert {"kind", "severity"} <= said.data.keys()
    assert said.data.get("key", KEY) == KEY


def test_data_carries_the_verdict() -> None:
    """A program gets the whole verdict, and the change without the policy's text."""
    data = MESSAGES["an_open_key_in_the_mode_alert"].data

    verdict = OPEN.to_json()
    advised = verdict.pop("advisories")
    assert verdict.items() <= data.items()
    assert data["advisories"][:-1] == advised
    assert data["change"] == {name: value for name, value in a_change().to_json().items() if name != "policy"}
    assert data["decision"] == decided(OPEN, Mode.ALERT).to_json()


def test_a_policy_that_was_put_from_outside_is_told_as_an_advisory() -> None:
    """In words and for programs; a call of another kind says nothing about who makes policies from where."""
    put, tagged = a_change(vpc_endpoint_id="vpce-0a"), a_change(event_name="TagResource")

    said, of_a_tag = (
        message.alert(Matter(KEY, OPEN, c, outside=True), decided(OPEN, Mode.ALERT)) for c in (put, tagged)
    )

    told = "`PutKeyPolicy` itself came from outside: from 198.51.100.7, through `vpce-0a`, which is not approved"
    assert said.data["advisories"][-1] == {"code": Code.CREATED_FROM_OUTSIDE.value, "statement": None, "message": told}
    assert f"  {told}.\n" in said.text
    assert Code.CREATED_FROM_OUTSIDE not in [advisory["code"] for advisory in of_a_tag.data["advisories"]]


@pytest.mark.parametrize(
    ("verdict", "outside", "page"),
    [
        (OPEN, True, "verdicts/escapes.md"),
        (UNDECIDED, None, "verdicts/undecided.md"),
        (ENCLOSED, None, "verdicts/enclosed.md"),
        (ENCLOSED, True, "advisories/created-from-outside.md"),
    ],
)
def test_leads_to_the_page_that_explains_it(verdict: Verdict, outside: bool | None, page: str) -> None:  # noqa: FBT001 - a case
    """One line: an address where docs/ is published, else the path in the repository."""
    matters = (Matter(KEY, verdict, a_change(), outside, docs=docs) for docs in ("https://git.example.com/docs/", ""))

    published, unpublished = (message.followed(matter, diff=DIFF) for matter in matters)

    assert f"\nWhat that means\n  https://git.example.com/docs/{page}\n" in published.text
    assert published.data["page"] == f"https://git.example.com/docs/{page}"
    assert unpublished.data["page"] == f"docs/{page}"


def test_the_same_message_has_the_same_key() -> None:
    """Two messages about one event can be told to be the same; one about another event or verdict is another."""
    first = MESSAGES["an_open_key_in_the_mode_alert"]
    again = message.alert(FROM_OUTSIDE, decided(OPEN, Mode.ALERT))
    later = message.alert(Matter(KEY, OPEN, a_change(event_id="another")), decided(OPEN, Mode.ALERT))

    assert first.dedup_key == again.dedup_key != later.dedup_key
    assert first.dedup_key != MESSAGES["an_open_key_in_the_mode_approve"].dedup_key


def test_a_long_diff_is_cut_for_slack_and_whole_in_the_text() -> None:
    """Slack refuses long sections, so the block is cut; e-mail and programs get everything."""
    diff = "\n".join(f'+"arn:aws:iam::111122223333:role/<{n}>"' for n in range(200))

    said = message.remediated(Matter(KEY, ENCLOSED), before=OPEN, diff=diff)

    block = next(block for block in said.blocks if "*The change*" in block.get("text", {}).get("text", ""))
    assert len(block["text"]["text"]) <= 3000
    assert block["text"]["text"].endswith("…```\n_cut here; the ledger has all of it_")
    assert "role/<199>" in said.text


def test_a_sweep_of_many_open_keys_names_the_first_and_fits() -> None:
    """Everywhere: in the text ten of each kind are named, to programs two hundred, and the report has all."""
    many = tuple(a_key(number, OPEN, opened=Opened(OPENED, PIPELINE), plan=REFUSED) for number in range(10_000))

    said = message.swept("noon", replace(SWEPT_FLEET, findings=many), message.Comparison(OPENED, many, {}), PLACE)

    assert "and 9990 more" in said.text
    assert len(said.text) < 20_000
    assert len(said.data["newly_open"]) == 200
    assert len(json.dumps(said.data)) < 100_000
    assert [block.to_dict() for block in Block.parse_all(said.blocks)] == said.blocks


def test_slack_takes_all_blocks_together() -> None:
    """It refuses what is too long as a whole, so the long parts are cut, and the short ones are not."""
    long = [Part(f"Part {n}", ("&<>" * 900,)) for n in range(6)]

    blocks = Letter("HIGH: a title", (*long, Part("Key", (KEY,)))).blocks

    texts = [block["text"]["text"] for block in blocks]
    assert sum(map(len, texts)) <= 9597
    assert texts[-1] == f"*Key*\n{KEY}"
    assert all(text.endswith("_cut here; the ledger has all of it_") for text in texts[1:-1])


def test_nothing_quoted_can_speak_for_the_guard() -> None:
    """A Sid that turns the text around or begins a new line stays a Sid, in the mail and in Slack."""
    hostile = StatementRef(0, "S\u202e\n\nWhat to do now\n  Nothing.")
    verdict = a_verdict(Outcome.ESCAPES, an_escape("kms:Decrypt", statement=hostile))

    said = message.alert(Matter(KEY, verdict, a_change()), decided(verdict, Mode.ALERT))

    for text in (said.text, *(block["text"]["text"] for block in said.blocks)):
        assert text.count("What to do now\n") <= 1
        assert "\u202e" not in text
    assert 'Statement[0] "S\N{REPLACEMENT CHARACTER}' in said.text


def test_a_change_cannot_end_the_quotation_that_shows_it() -> None:
    """What somebody approves is seen as it is, whatever stands in a Sid."""
    diff = '+  "Sid": "```\\n*Approved by everybody*"'

    said = message.asked(FROM_OUTSIDE, decided(OPEN, Mode.APPROVE), replace(PLAN, diff=diff), "0123456789ab")

    shown = next(
        block["text"]["text"] for block in said.blocks if "*The plan*" in block.get("text", {}).get("text", "")
    )
    assert shown.count("```") == 2
    assert "```" in said.text


@pytest.mark.parametrize(
    ("aliases", "name"),
    [
        (("alias/orders", "alias/orders-2019"), "alias/orders"),
        ((f"alias/{'x' * 250}", "alias/short"), "alias/short"),
        ((), "1234abcd-12ab-34cd-56ef-1234567890ab"),
    ],
)
def test_a_key_is_called_by_its_alias(aliases: tuple[str, ...], name: str) -> None:
    """Where aliases are known, the first that fits is in the headline, and all are told with the ARN."""
    said = message.alert(Matter(KEY, OPEN, aliases=aliases), decided(OPEN, Mode.ALERT))

    assert said.subject == f"KMS Perimeter: HIGH: {name} can be used from outside its perimeter"
    assert "\n".join([f"Key\n  {KEY}", *(f"  {alias}" for alias in aliases), "  Account"]) in said.text


def test_a_digest_leads_to_what_its_verdicts_mean() -> None:
    """One page for each verdict that waits for somebody, and none for a key that is enclosed again."""
    several = [replace(a_notice(n), verdict=v) for n, v in enumerate(("unreadable", "enclosed", "escapes"))]

    said = message.digest(several, "https://git.example.com/docs")
    enclosed = message.digest([replace(a_notice(1), verdict="enclosed")])

    assert said.text.endswith(
        "What that means\n"
        "  https://git.example.com/docs/verdicts/escapes.md\n"
        "  https://git.example.com/docs/verdicts/undecided.md\n"
    )
    assert "What that means" not in enclosed.text


@given(
    title=st.text(min_size=1, max_size=400),
    parts=st.lists(
        st.builds(
            Part,
            st.text(min_size=1, max_size=30),
            st.lists(st.text("<>&;ab", max_size=2000), max_size=4).map(tuple),
            st.booleans(),
        ),
        max_size=70,
    ),
)
def test_no_letter_breaks_slacks_limits(title: str, parts: list[Part]) -> None:
    """Whatever is written, header, sections and their number stay within Slack's limits, and no entity is cut."""
    blocks = Letter(title, tuple(parts)).blocks

    texts = [block["text"]["text"] for block in blocks]
    assert len(blocks) <= 50
    assert len(texts[0]) <= 150
    assert sum(map(len, texts)) <= 9597
    assert all(0 < len(text) <= 3000 for text in texts[1:])
    assert all(part.startswith(("amp;", "lt;", "gt;")) for text in texts[1:] for part in text.split("&")[1:])


@pytest.mark.parametrize(
    ("partition", "region", "console"),
    [
        ("aws", "eu-west-1", "https://eu-west-1.console.aws.amazon.com/kms/home?region=eu-west-1#/kms/keys/k"),
        ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/kms/home?region=cn-north-1#/kms/keys/k"),
        (
            "aws-us-gov",
            "us-gov-west-1",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/kms/home?region=us-gov-west-1#/kms/keys/k",
        ),
    ],
)
def test_links_to_the_console_of_the_partition(partition: str, region: str, console: str) -> None:
    """The link leads to the key wherever it is."""
    said = message.unreadable(f"arn:{partition}:kms:{region}:111122223333:key/k", reason="denied")

    assert said.data["console"] == console


def test_a_contested_key_is_loud() -> None:
    """Giving up is at least high, however little is open."""
    matter = Matter(KEY, a_verdict(Outcome.ESCAPES, an_escape("kms:DescribeKey")))

    said = message.contested(matter, 1)

    assert (said.data["kind"], said.data["severity"]) == (DecisionKind.CONTESTED, Severity.HIGH)
