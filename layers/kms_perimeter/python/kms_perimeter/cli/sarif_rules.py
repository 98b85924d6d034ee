"""What code scanning tells a reader about each kind of result: what it means and what to do about it."""

from __future__ import annotations

from typing import Any

from kms_perimeter import pages
from kms_perimeter.verdict import Code, Outcome

WITHOUT_DOCS = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html"
# Rule: its level, its severity for code scanning (0 to 10), what it says, and what to do.
_VERDICTS = {
    Outcome.ESCAPES: (
        "error",
        "8.0",
        "A request from outside the perimeter gets through",
        (
            "The key policy lets a request through that comes from none of the networks that the perimeter approves."
            " The message names the operation, the route and the statements that decide. `kms-perimeter fix` writes a"
            " policy that keeps every statement, puts a `Deny` for the perimeter beside them, and is proved."
        ),
    ),
    Outcome.UNDECIDED: (
        "warning",
        "5.0",
        "It cannot be proved that no request from outside the perimeter gets through",
        (
            "The policy holds something whose effect is not known: a value that is known only at deployment, or a case"
            " that AWS does not document. The message says what. Give `--account` and `--region` where it depends on"
            " them, or check the policy once more as it is deployed."
        ),
    ),
    Outcome.MALFORMED: (
        "error",
        "5.0",
        "The policy cannot be understood",
        "KMS would refuse the policy, or it is no key policy at all. The message says what is wrong, and where.",
    ),
}
_ADVISORIES = {
    Code.SOURCE_IP_INEFFECTIVE: "A condition on `aws:SourceIp` is not effective for requests through a VPC endpoint:"
    " they carry no public address. Name endpoints or VPCs by `aws:SourceVpce` or `aws:SourceVpc`.",
    Code.BREAKS_INTEGRATED_SERVICES: "AWS services that use the key for somebody do not come from a VPC, so the"
    " condition keeps them out. Let them through by `aws:ViaAWSService` or `kms:ViaService` where they are meant to"
    " use the key.",
    Code.GRANTS_BYPASS: "A grant is bound by no condition of an `Allow` statement. Deny the operations from outside, or"
    " deny `kms:CreateGrant` to all but AWS services.",
    Code.LOCKOUT_RISK: "Nobody could change the policy any more. Keep a principal that may call `kms:PutKeyPolicy`.",
    Code.CONDITION_NEVER_TRUE: "The condition holds for no request, so the statement is void. Look for a misspelling.",
    Code.UNKNOWN_CONDITION_KEY: "The condition key is none that AWS documents for KMS, so requests do not carry it."
    " Look for a misspelling.",
    Code.PLACEHOLDER_NETWORK: "The VPC or endpoint is one from the AWS documentation. Put your own in its place.",
    Code.DENY_NOT_PRINCIPAL: "A `Deny` with `NotPrincipal` is easily wrong: it must name account, role and session."
    " Use a condition on `aws:PrincipalArn`.",
    Code.CREATED_FROM_OUTSIDE: "The policy itself was written by a call from outside the perimeter.",
}


def rule(code: Outcome | Code, docs: str) -> dict[str, Any]:
    """The SARIF rule of a verdict or advisory; `docs` is where docs/ is published, or empty."""
    if isinstance(code, Outcome):
        level, severity, short, text = _VERDICTS[code]
        uri = pages.of_outcome(code, docs)
    else:
        level, severity, text = "note", "1.0", _ADVISORIES[code]
        short = f"Advisory: {code.replace('-', ' ')}"
        uri = pages.of_advisory(code, docs)
    told = f"{text} More: `kms-perimeter explain {code.value}`."
    return {
        "id": code.value,
        "name": "".join(word.capitalize() for word in code.split("-")),
        "shortDescription": {"text": f"{short}."},
        "fullDescription": {"text": text.split(". ", 1)[0].rstrip(".") + "."},
        "help": {"text": told, "markdown": told},
        "helpUri": uri if docs else WITHOUT_DOCS,
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["security", "aws", "kms"], "security-severity": severity, "precision": "very-high"},
    }
