"""CloudTrail's trails: which of the watched calls they log, and so tell EventBridge of.

EventBridge: "To record events with a detail-type value of AWS API Call via CloudTrail, a CloudTrail trail with logging
enabled is required."
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import TrailTypeDef

KMS = "kms.amazonaws.com"
# A member account sees its organization's trail, but may not look into it.
_OUT_OF_SIGHT = ("AccessDeniedException", "AccessDenied", "TrailNotFoundException", "CloudTrailARNInvalidException")
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
}
# *AdvancedFieldSelector* in the CloudTrail API Reference; these are known of a call that changes a key.
_KNOWN = {"eventCategory": "Management", "readOnly": "false", "eventSource": KMS, "eventType": "AwsApiCall"}


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail that is for a Region.

    Attributes:
        name: its name.
        logging: whether it logs at present; None where that may not be seen.
        basic: its event selectors.
        advanced: its advanced event selectors.
    """

    name: str
    logging: bool | None
    basic: Sequence[Mapping[str, Any]] = field(default=(), hash=False)
    advanced: Sequence[Mapping[str, Any]] = field(default=(), hash=False)

    def logs(self, event_name: str) -> bool | None:
        """Whether the selectors let this call of KMS through; None where they ask for what is not known of it."""
        if self.advanced:
            answers = [
                _all(_holds(one, event_name) for one in selector["FieldSelectors"]) for selector in self.advanced
            ]
            return True if True in answers else None if None in answers else False
        return not self.basic or any(map(_lets_kms_through, self.basic))

    @property
    def excludes_kms(self) -> bool:
        """Whether it says in as many words that calls of KMS are not to be logged."""
        said = [one.get("ExcludeManagementEventSources", ()) for one in self.basic]
        fields = [one for selector in self.advanced for one in selector["FieldSelectors"]]
        said += [one.get("NotEquals", ()) for one in fields if one["Field"] == "eventSource"]
        return any(KMS in sources for sources in said)


def of_region(client: CloudTrailClient) -> tuple[Trail, ...]:
    """The trails for the client's Region.

    Takes ``cloudtrail:DescribeTrails``, ``cloudtrail:GetTrailStatus`` and ``cloudtrail:GetEventSelectors``.
    """
    region = client.meta.region_name
    described = client.describe_trails(includeShadowTrails=True)["trailList"]
    return tuple(
        _trail(client, one) for one in described if one.get("IsMultiRegionTrail") or one.get("HomeRegion") == region
    )


def _trail(client: CloudTrailClient, described: TrailTypeDef) -> Trail:
    name, arn = described.get("Name", ""), described.get("TrailARN", "")
    try:
        status = client.get_trail_status(Name=arn)
        selectors = client.get_event_selectors(TrailName=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _OUT_OF_SIGHT:
            raise
        return Trail(name, None)
    return Trail(
        name,
        bool(status.get("IsLogging")),
        selectors.get("EventSelectors", ()),
        selectors.get("AdvancedEventSelectors", ()),
    )


def _lets_kms_through(selector: Mapping[str, Any]) -> bool:
    included = selector.get("IncludeManagementEvents", True)
    writes = selector.get("ReadWriteType", "All") != "ReadOnly"
    return included and writes and KMS not in selector.get("ExcludeManagementEventSources", ())


def _holds(one: Mapping[str, Any], event_name: str) -> bool | None:
    """Whether a field of the call is as a selector wants it."""
    value = ({"eventName": event_name} | _KNOWN).get(one["Field"])
    if value is None:
        return None
    wanted = [any(test(value, word) for word in one[name]) for name, test in _OPERATORS.items() if one.get(name)]
    barred = [
        any(test(value, word) for word in one[f"Not{name}"])
        for name, test in _OPERATORS.items()
        if one.get(f"Not{name}")
    ]
    return all(wanted) and not any(barred)


def _all(answers: Iterable[bool | None]) -> bool | None:
    given = list(answers)
    return False if False in given else None if None in given else True
