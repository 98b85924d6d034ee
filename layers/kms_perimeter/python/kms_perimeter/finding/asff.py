"""The AWS Security Finding Format, as `BatchImportFindings` of Security Hub takes it.

*AWS Security Hub User Guide*, "Required ASFF attributes" and "BatchImportFindings for finding providers": a provider
must not change ``Workflow`` or ``Note`` of a finding once it is there, and gives severity and types in
``FindingProviderFields``; so a finding is closed by its ``RecordState`` and its ``Compliance``.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from kms_perimeter.decision import Severity
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from kms_perimeter.finding.model import Finding

TITLE, DESCRIPTION, RECOMMENDATION = 256, 1024, 512  # characters that Security Hub takes
TYPES = ["Software and Configuration Checks/AWS Security Best Practices/Network Reachability"]
GENERATOR = "kms-perimeter/network-perimeter"
_LABELS = {Severity.INFO: "INFORMATIONAL"}


def asff(finding: Finding) -> dict[str, Any]:
    """The finding for Security Hub. One that is closed is archived, as passed."""
    severity = {"Label": _label(finding), "Original": finding.severity.value}
    product = (
        f"arn:{finding.partition}:securityhub:{finding.region}:{finding.account}:product/{finding.account}/default"
    )
    return {
        "SchemaVersion": "2018-10-08",
        "Id": finding.uid,
        "ProductArn": product,
        "ProductName": "KMS Perimeter",
        "CompanyName": "KMS Perimeter",
        "GeneratorId": GENERATOR,
        "AwsAccountId": finding.account,
        "Types": TYPES,
        "CreatedAt": _time(finding.told_at),
        "UpdatedAt": _time(finding.told_at),
        "Severity": severity,
        "FindingProviderFields": {"Severity": severity, "Types": TYPES},
        "Title": _cut(finding.title, TITLE),
        "Description": _cut(finding.text.strip(), DESCRIPTION),
        "Remediation": {"Recommendation": {"Text": _cut(_advice(finding), RECOMMENDATION), "Url": finding.url}},
        "ProductFields": {
            "kms-perimeter/kind": finding.kind,
            "kms-perimeter/verdict": finding.verdict,
            "kms-perimeter/perimeter": finding.perimeter or "none",
        },
        "Resources": [_resource(finding)],
        "Compliance": {"Status": _compliance(finding)},
        "RecordState": "ARCHIVED" if finding.closed else "ACTIVE",
    }


def _resource(finding: Finding) -> dict[str, Any]:
    return {
        "Type": "AwsKmsKey",
        "Id": finding.key_arn,
        "Partition": finding.partition,
        "Region": finding.region,
        "Details": {"AwsKmsKey": {"AWSAccountId": finding.account, "KeyId": finding.key_id}},
    }


def _label(finding: Finding) -> str:
    severity = Severity.INFO if finding.closed else finding.severity
    return _LABELS.get(severity, severity.value.upper())


def _compliance(finding: Finding) -> str:
    if finding.closed:
        return "PASSED"
    return "FAILED" if finding.verdict == Outcome.ESCAPES.value else "WARNING"


def _advice(finding: Finding) -> str:
    if finding.closed:
        return "Look in CloudTrail for uses of the key while it was open."
    return "Restrict the key policy to the approved networks: see `kms-perimeter fix` and the alert."


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
