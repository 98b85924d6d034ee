"""The Open Cybersecurity Schema Framework: a *Compliance Finding*, class 2003 of version 1.6.0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kms_perimeter import __version__
from kms_perimeter.decision import Severity
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from kms_perimeter.finding.model import Finding

VERSION = "1.6.0"
SOURCE = "kms-perimeter"
DETAIL_TYPE = "KMS Perimeter Finding"
TEXT = 20_000  # characters; an event takes 256 KB with all that is in it

_CLASS = {"category_uid": 2, "category_name": "Findings", "class_uid": 2003, "class_name": "Compliance Finding"}
_OPENING = ("alert", "ask", "remediate", "unreadable")  # kinds of alerts that a finding begins with
_ACTIVITIES = {"Create": 1, "Update": 2, "Close": 3}
_SEVERITIES = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}


def ocsf(finding: Finding) -> dict[str, Any]:
    """The finding as an OCSF event; what OCSF has no place for is under ``unmapped``."""
    activity = "Close" if finding.closed else "Create" if finding.kind in _OPENING else "Update"
    severity_id, severity = _SEVERITIES[Severity.INFO if finding.closed else finding.severity]
    at = int(finding.told_at.timestamp() * 1000)
    uid = _ACTIVITIES[activity]
    return {
        **_CLASS,
        "activity_id": uid,
        "activity_name": activity,
        "type_uid": _CLASS["class_uid"] * 100 + uid,  # type: ignore[operator]
        "type_name": f"Compliance Finding: {activity}",
        "time": at,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 4 if finding.closed else 1,
        "status": "Resolved" if finding.closed else "New",
        "message": finding.title,
        "metadata": _metadata(finding),
        "finding_info": _info(finding, at),
        "compliance": _compliance(finding),
        "resources": [_resource(finding)],
        "cloud": {"provider": "AWS", "region": finding.region, "account": _account(finding)},
        "unmapped": {
            "kind": finding.kind,
            "verdict": finding.verdict,
            "perimeter": finding.perimeter,
            "operations": list(finding.escapes),
        },
    }


def event(finding: Finding) -> dict[str, Any]:
    """The finding as an entry of `PutEvents`."""
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Time": finding.told_at,
        "Resources": [finding.key_arn],
        "Detail": json.dumps(ocsf(finding), ensure_ascii=False),
    }


def _metadata(finding: Finding) -> dict[str, Any]:
    product = {"name": "KMS Perimeter", "vendor_name": "KMS Perimeter", "version": __version__}
    return {"version": VERSION, "uid": finding.mark, "product": product, "profiles": ["cloud"]}


def _info(finding: Finding, at: int) -> dict[str, Any]:
    return {
        "uid": finding.uid,
        "title": finding.title,
        "desc": finding.text[:TEXT],
        "types": ["Network perimeter of a KMS key"],
        "modified_time": at,
        "src_url": finding.url,
    }


def _compliance(finding: Finding) -> dict[str, Any]:
    if finding.closed:
        status_id, status = 1, "Pass"
    else:
        status_id, status = (3, "Fail") if finding.verdict == Outcome.ESCAPES.value else (2, "Warning")
    return {
        "control": "kms-perimeter/network-perimeter",
        "standards": ["KMS Perimeter"],
        "status_id": status_id,
        "status": status,
    }


def _resource(finding: Finding) -> dict[str, Any]:
    return {
        "uid": finding.key_arn,
        "name": finding.key_id,
        "type": "AWS::KMS::Key",
        "region": finding.region,
        "cloud_partition": finding.partition,
        "owner": {"account": _account(finding)},
    }


def _account(finding: Finding) -> dict[str, Any]:
    return {"uid": finding.account, "type_id": 10, "type": "AWS Account"}
