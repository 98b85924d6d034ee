"""What code scanning tells a reader about each kind of result: what it means and what to do about it."""

from __future__ import annotations

from typing import Any

HELP_URI = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html"
# Rule: its level, its severity for code scanning (0 to 10), what it says, and what to do.
_VERDICTS = {
    "escapes": (
        "error",
        "8.0",
        "A request from outside the perimeter gets through",
        (
            "The key policy lets a request through that comes from none of the networks that the perimeter approves."
            " The message names the operation, the route and the statements that decide. `kms-perimeter fix` writes a"
            " policy that keeps every statement, puts a `Deny` for the perimeter beside them, and is proved."
        ),
    ),
    "undecided": (
        "warning",
        "5.0",
        "It cannot be proved that no request from outside the perimeter gets through",
        (
            "The policy holds something whose effect is not known: a value that is known only at deployment, or a case"
            " that AWS does not document. The message says what. Give `--account` and `--region` where it depends on"
            " them, or check the policy once more as it is deployed."
        ),
    ),
    "malformed": (
        "error",
        "5.0",
        "The policy cannot be understood",
        "KMS would refuse the policy, or it is no key policy at all. The message says what is wrong, and where.",
    ),
}
_ADVISORIES = {
    "source-ip-ineffective": "A condition on `aws:SourceIp` is not effective for requests through a VPC endpoint: they"
    " carry no public address. Name endpoints or VPCs by `aws:SourceVpce` or `aws:SourceVpc`.",
    "breaks-integrated-services": "AWS services that use the key for somebody do not come from a VPC, so the condition"
    " keeps them out. Let them through by `aws:ViaAWSService` or `kms:ViaService` where they are meant to use the key.",
    "grants-bypass": "A grant is bound by no condition of an `Allow` statement. Deny the operations from outside, or"
    " deny `kms:CreateGrant` to all but AWS services.",
    "lockout-risk": "Nobody could change the policy any more. Keep a principal that may call `kms:PutKeyPolicy`.",
    "condition-never-true": "The condition holds for no request, so the statement is void. Look for a misspelling.",
    "unknown-condition-key": "The condition key is none that AWS documents for KMS, so requests do not carry it. Look"
    " for a misspelling.",
    "placeholder-network": "The VPC or endpoint is one from the AWS documentation. Put your own in its place.",
    "deny-not-principal": "A `Deny` with `NotPrincipal` is easily wrong: it must name account, role and session. Use a"
    " condition on `aws:PrincipalArn`.",
    "created-from-outside": "The policy itself was written by a call from outside the perimeter.",
}


def rule(code: str) -> dict[str, Any]:
    """The SARIF rule of a verdict or advisory."""
    if code in _VERDICTS:
        level, severity, short, text = _VERDICTS[code]
    else:
        level, severity = "note", "1.0"
        short = f"Advisory: {code.replace('-', ' ')}"
        text = _ADVISORIES.get(code, "This is no escape, but worth knowing.")
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in code.split("-")),
        "shortDescription": {"text": f"{short}."},
        "fullDescription": {"text": text.split(". ", 1)[0].rstrip(".") + "."},
        "help": {"text": text, "markdown": text},
        "helpUri": HELP_URI,
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["security", "aws", "kms"], "security-severity": severity, "precision": "very-high"},
    }
