"""`kms-perimeter fix`: the new policy, its proof, its diff, and what is refused."""

import json
from pathlib import Path

import pytest

from tests.unit.command import ENDPOINT, OPEN, RESTRICTED, TRAILING_COMMA, VPCS, run


@pytest.mark.parametrize("strategy", ["guard", "template"])
@pytest.mark.parametrize("usage", ["ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"])
def test_what_it_makes_is_enclosed(tmp_path: Path, strategy: str, usage: str) -> None:
    """The new policy of an open key is proved, written, and enclosed when checked on its own."""
    out = tmp_path / "fixed.json"
    key = ("--key-usage", usage)

    ran = run("fix", OPEN, *ENDPOINT, *key, "--strategy", strategy, "--out", str(out), "--format", "json")

    assert list(ran.json)[:5] == ["policy", "verdict", "changed", "diff", "refused"]
    assert (ran.status, ran.json["changed"], ran.json["refused"]) == (0, True, None)
    assert ran.json["policy"] == json.loads(out.read_text())
    assert run("check", str(out), *ENDPOINT, *key).status == 0


def test_what_is_enclosed_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing to do is said so, and the policy is written as it was, so that a pipeline can go on with it."""
    out = tmp_path / "fixed.json"

    ran = run("fix", RESTRICTED, *ENDPOINT, "--out", str(out), "--format", "json")

    assert (ran.status, ran.json["changed"], ran.json["diff"]) == (0, False, "")
    assert json.loads(out.read_text()) == json.loads(Path(RESTRICTED).read_text()) == ran.json["policy"]


def test_fixing_twice_changes_nothing(tmp_path: Path) -> None:
    """The result of `fix` is a fixed point."""
    out = tmp_path / "fixed.json"
    run("fix", OPEN, *ENDPOINT, "--out", str(out))

    assert run("fix", str(out), *ENDPOINT, "--format", "json").json["changed"] is False


def test_what_cannot_be_put_is_refused(tmp_path: Path) -> None:
    """A new policy over 32 KiB could not be put: exit status 1, the reason, and nothing is written."""
    policy = json.loads(Path(OPEN).read_text())
    policy["Statement"] += [policy["Statement"][0] | {"Sid": f"{n}{'x' * 300}"} for n in range(100)]
    out = tmp_path / "fixed.json"

    ran = run("fix", "-", *ENDPOINT, "--out", str(out), "--format", "json", stdin=json.dumps(policy))

    assert (ran.status, ran.json["verdict"]["verdict"], out.exists()) == (1, "enclosed", False)
    assert "32" in ran.json["refused"]
    assert "-: refused: " in run("fix", "-", *ENDPOINT, stdin=json.dumps(policy)).out


def test_a_malformed_policy_is_bad_input() -> None:
    """The JSON says malformed with the place, and one line on standard error says it too."""
    ran = run("fix", TRAILING_COMMA, *VPCS, "--format", "json")

    reason = "line 30, column 22: is not JSON: trailing comma"
    assert (ran.status, ran.err) == (2, f"kms-perimeter: {TRAILING_COMMA}: {reason}\n")
    assert (ran.json["policy"], ran.json["changed"], ran.json["diff"]) == (None, False, "")
    assert (ran.json["verdict"]["verdict"], ran.json["verdict"]["reason"]) == ("malformed", reason)
    assert ran.json["refused"] == f"the policy is malformed: {reason}"


def test_a_file_that_cannot_be_written_is_bad_usage(tmp_path: Path) -> None:
    """The reason is one line."""
    ran = run("fix", OPEN, *ENDPOINT, "--out", str(tmp_path))

    assert (ran.status, ran.err) == (2, f"kms-perimeter: {tmp_path}: is a directory\n")


def test_an_operator_sees_the_diff(tmp_path: Path) -> None:
    """A person sees the strategy, the diff, the proof and where the policy went."""
    out = tmp_path / "fixed.json"

    lines = run("fix", OPEN, *ENDPOINT, "--out", str(out)).out.splitlines()

    assert lines[0] == f"{OPEN}: changed by the strategy guard, and proved:"
    assert any(line.startswith("+") and "Deny" in line for line in lines)
    assert "the new policy: enclosed (perimeter default, key usage ENCRYPT_DECRYPT)" in lines
    assert lines[-1] == f"written to {out}"


def test_an_operator_sees_each_proof() -> None:
    """What was shown of the new policy is told one by one."""
    lines = run("fix", OPEN, *ENDPOINT).out.splitlines()

    assert [line for line in lines if line.startswith("shown: ")][:3] == [
        "shown: the new policy is enclosed",
        "shown: nobody inside the perimeter loses anything",
        "shown: somebody else can change the new policy too",
    ]
    assert not [line for line in lines if line.startswith("not so: ")]


def test_what_a_template_takes_away_is_listed_and_no_reason_to_refuse() -> None:
    """Whoever chooses a template wants another policy, but must see who will miss the old one."""
    policy = json.loads(Path(OPEN).read_text())
    app = {"AWS": "arn:aws:iam::111122223333:role/App"}
    policy["Statement"].append({"Effect": "Allow", "Principal": app, "Action": "kms:Decrypt", "Resource": "*"})
    template = ("fix", "-", *ENDPOINT, "--strategy", "template")

    told = run(*template, stdin=json.dumps(policy))
    data = run(*template, "--format", "json", stdin=json.dumps(policy)).json

    lost = f"`{app['AWS']}` would need an IAM policy for `kms:Decrypt` from approved networks and through AWS services"
    assert told.status == 0
    assert "not so: inside the perimeter, something is lost (told, and no reason to refuse)" in told.out
    assert f"  {lost}\n" in told.out
    assert data["losses"] == [lost]
    assert [(p["code"], p["binding"]) for p in data["proofs"] if not p["holds"]] == [
        ("nothing-lost", False),
        ("services-keep-their-way", False),
    ]


def test_nothing_to_do_is_one_line() -> None:
    """An enclosed policy needs no story."""
    assert run("fix", RESTRICTED, *ENDPOINT).out == f"{RESTRICTED}: enclosed already, nothing to do\n"
