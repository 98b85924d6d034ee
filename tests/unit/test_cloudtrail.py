"""Every shape of CloudTrail record that `events/` holds, and every way in which a record can be odd."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kms_perimeter.cloudtrail import WATCHED, Ignored, IgnoredReason, KeyChange, came_from_outside, read
from kms_perimeter.perimeter import Perimeter, Rule

EVENTS = Path(__file__).parents[2] / "events"
OURS = "111122223333"
KEY = f"arn:aws:kms:us-east-1:{OURS}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SECOND = f"arn:aws:kms:us-east-1:{OURS}:key/9f1c2b7e-3a44-4d0b-8c59-0a6c2f6f8d11"
REPLICA = f"arn:aws:kms:eu-west-1:{OURS}:key/mrk-1234abcd12ab34cd56ef1234567890ab"
ENDPOINT = "vpce-1234abcdf5678c90a"

CHANGES = {
    "a_grant_is_given_to_a_role": ("CreateGrant", KEY),
    "a_key_is_created_with_its_own_policy_through_an_endpoint": ("CreateKey", SECOND),
    "a_key_is_created_with_the_default_policy": ("CreateKey", KEY),
    "a_key_is_replicated_to_another_region": ("ReplicateKey", REPLICA),
    "a_key_is_saved_from_deletion": ("CancelKeyDeletion", KEY),
    "a_key_is_tagged": ("TagResource", KEY),
    "a_key_loses_a_tag": ("UntagResource", KEY),
    "a_pipeline_puts_the_old_policy_back": ("PutKeyPolicy", KEY),
    "a_policy_is_put_through_an_approved_endpoint": ("PutKeyPolicy", KEY),
    "a_policy_is_too_long_for_cloudtrail": ("PutKeyPolicy", KEY),
    "a_replica_is_created_in_its_region": ("CreateKey", REPLICA),
    "a_service_takes_a_grant_for_somebody": ("CreateGrant", KEY),
    "an_alias_is_created": ("CreateAlias", KEY),
    "an_alias_is_deleted": ("DeleteAlias", SECOND),
    "an_alias_is_moved_to_another_key": ("UpdateAlias", SECOND),
    "an_old_record_names_its_key_only_in_the_parameters": ("CreateGrant", KEY),
    "cloudtrail_delivers_an_event_again": ("PutKeyPolicy", KEY),
    "somebody_opens_a_key_from_the_internet": ("PutKeyPolicy", KEY),
    "the_guard_puts_its_statement_in": ("PutKeyPolicy", KEY),
}
IGNORED = {
    "a_call_on_a_key_of_another_account": IgnoredReason.ANOTHER_ACCOUNT,
    "a_call_to_another_service": IgnoredReason.NOT_KMS,
    "a_key_is_scheduled_for_deletion": IgnoredReason.OTHER_EVENT,
    "a_record_with_resources_that_are_no_list": IgnoredReason.UNREADABLE,
    "an_alias_was_deleted_when_records_named_no_key": IgnoredReason.NO_KEY,
    "aws_creates_a_key_that_it_manages": IgnoredReason.AWS_MANAGED_KEY,
    "aws_names_a_key_that_it_manages": IgnoredReason.AWS_MANAGED_KEY,
    "somebody_may_not_put_a_policy": IgnoredReason.FAILED_CALL,
    "somebody_reads_a_policy": IgnoredReason.READ_ONLY,
}


def event(name: str) -> dict[str, Any]:
    """The recorded event of that name, in EventBridge's envelope."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


def change(name: str, **differently: object) -> KeyChange:
    """What the recorded event says, with members of its record replaced."""
    result = read({"detail": event(name)["detail"] | differently})
    assert isinstance(result, KeyChange)
    return result


def ignored(name: str, **differently: object) -> Ignored:
    """Why the recorded event is ignored, with members of its record replaced."""
    result = read({"detail": event(name)["detail"] | differently})
    assert isinstance(result, Ignored)
    return result


def a_perimeter(**networks: tuple[str, ...]) -> Perimeter:
    """A perimeter of one rule with these networks."""
    return Perimeter("default", (Rule("use", ("cryptographic",), **networks),))


def test_every_event_is_expected_here() -> None:
    """No file in events/ is left without a promise about it."""
    files = {path.stem for path in EVENTS.glob("*.json")}

    assert files == CHANGES.keys() | IGNORED.keys()


def test_every_watched_event_has_an_example() -> None:
    """Each of the nine operations is there with a real record."""
    assert {name for name, _ in CHANGES.values()} == set(WATCHED)


@pytest.mark.parametrize("name", CHANGES)
def test_names_the_operation_and_the_key(name: str) -> None:
    """A change is read from each shape that CloudTrail has given its records, with the owner and Region of the key."""
    found = change(name)

    assert (found.event_name, found.key_arn) == CHANGES[name]
    assert (found.account, found.region) == (OURS, found.key_arn.split(":")[3])


@pytest.mark.parametrize("name", IGNORED)
def test_names_the_reason_for_ignoring(name: str) -> None:
    """What is none of our business is ignored for a fixed reason, and still names its event."""
    found = ignored(name)

    assert (found.reason, found.event_id) == (IGNORED[name], event(name)["detail"]["eventID"])


@pytest.mark.parametrize("name", [*CHANGES, *IGNORED])
def test_reads_a_bare_record_like_one_in_an_envelope(name: str) -> None:
    """A record taken from a trail's log file says the same as the event that EventBridge delivers."""
    assert read(event(name)["detail"]) == read(event(name))


def test_reads_every_detail() -> None:
    """Everything that an alert tells is there: who, from where, when, through what, and the policy."""
    name = "a_policy_is_put_through_an_approved_endpoint"
    record = event(name)["detail"]

    expected = KeyChange(
        event_id=record["eventID"],
        event_name="PutKeyPolicy",
        time=datetime(2026, 11, 24, 8, 10, 5, tzinfo=UTC),
        key_arn=KEY,
        account=OURS,
        region="us-east-1",
        actor=f"arn:aws:sts::{OURS}:assumed-role/KeyAdmin/alice",
        source_ip="10.0.12.34",
        vpc_endpoint_id=ENDPOINT,
        policy=record["requestParameters"]["policy"],
        truncated=False,
    )
    assert read(event(name)) == expected


def test_a_new_delivery_is_the_same_event() -> None:
    """What CloudTrail delivers again, with an addendum, has the ID of the first delivery."""
    assert change("cloudtrail_delivers_an_event_again") == change("somebody_opens_a_key_from_the_internet")


def test_parameters_over_100_kb_are_missing() -> None:
    """A record whose parameters CloudTrail omitted says so and carries no policy."""
    found = change("a_policy_is_too_long_for_cloudtrail")

    assert (found.truncated, found.policy) == (True, None)


def test_a_replica_has_the_policy_of_the_response() -> None:
    """The replica's policy is what KMS answers with, since the request may leave it to KMS."""
    found = change("a_key_is_replicated_to_another_region")

    policy = event("a_key_is_replicated_to_another_region")["detail"]["responseElements"]["replicaPolicy"]
    assert found.policy == policy


def test_a_replica_is_named_without_its_metadata() -> None:
    """Before December 2022 a record could come without response: the replica is the primary's ID in its Region."""
    found = change("a_key_is_replicated_to_another_region", responseElements=None, resources=[])

    assert found.key_arn == REPLICA


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")],
)
def test_a_bare_key_id_gets_the_partition_of_its_region(region: str, partition: str) -> None:
    """A key named by its ID alone is in the record's account, Region and partition."""
    found = change("an_old_record_names_its_key_only_in_the_parameters", awsRegion=region)

    assert found.key_arn == f"arn:{partition}:kms:{region}:{OURS}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("identity", "actor"),
    [
        ({"type": "AWSService", "invokedBy": "rds.amazonaws.com"}, "rds.amazonaws.com"),
        ({"type": "WebIdentityUser", "principalId": "sts:web:alice"}, "sts:web:alice"),
        ({"type": "Unknown"}, "Unknown"),
        (None, "unknown"),
    ],
)
def test_an_actor_without_arn_is_still_named(identity: object, actor: str) -> None:
    """Services and odd identities are named by the best that the record has."""
    assert change("a_key_is_tagged", userIdentity=identity).actor == actor


@pytest.mark.parametrize(
    ("differently", "detail"),
    [
        ({"eventName": 7}, "`eventName` is not a string"),
        ({"eventTime": "yesterday"}, "`eventTime` is not a time"),
        ({"eventTime": None}, "`eventTime` is not a time"),
        ({"eventID": None}, "`eventID` is not a string"),
        ({"userIdentity": "Alice"}, "`userIdentity` is not an object"),
        ({"userIdentity": {"arn": ["x"]}}, "`userIdentity.arn` is not a string"),
        ({"requestParameters": []}, "`requestParameters` is not an object"),
        ({"requestParameters": {"keyId": {}}}, "`requestParameters.keyId` is not a string"),
        ({"requestParameters": {"policy": {"Version": "2012-10-17"}}}, "`requestParameters.policy` is not a string"),
        ({"responseElements": {"keyMetadata": 1}}, "`responseElements.keyMetadata` is not an object"),
        ({"resources": ["arn"]}, "`resources[0]` is not an object"),
        ({"resources": [{}, {"ARN": 1}]}, "`resources[1].ARN` is not a string"),
        ({"vpcEndpointId": 5}, "`vpcEndpointId` is not a string"),
    ],
)
def test_a_wrong_type_is_named_with_its_place(differently: dict[str, object], detail: str) -> None:
    """A record with a member of the wrong type is ignored as unreadable, and the place is told."""
    found = ignored("somebody_opens_a_key_from_the_internet", **differently)

    assert (found.reason, found.detail) == (IgnoredReason.UNREADABLE, detail)


@pytest.mark.parametrize("record", [None, [], "text", {"detail": None}, {"detail": []}, {}])
def test_what_is_no_record_is_ignored(record: object) -> None:
    """Anything at all can be handed in; what is no record is ignored."""
    assert isinstance(read(record), Ignored)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    name=st.sampled_from([*CHANGES]),
    members=st.lists(
        st.sampled_from(["eventID", "eventTime", "userIdentity", "requestParameters", "responseElements", "resources"]),
        max_size=3,
    ),
    value=JSON,
)
def test_never_raises(name: str, members: list[str], value: object) -> None:
    """Whatever stands in a record's members, reading it answers."""
    found = read(event(name)["detail"] | dict.fromkeys(members, value))

    assert isinstance(found, KeyChange | Ignored)


@pytest.mark.parametrize(
    ("name", "networks", "outside"),
    [
        ("somebody_opens_a_key_from_the_internet", {"vpc_endpoints": (ENDPOINT,)}, True),
        ("somebody_opens_a_key_from_the_internet", {"vpcs": ("vpc-12345678",)}, True),
        ("a_policy_is_put_through_an_approved_endpoint", {"vpc_endpoints": (ENDPOINT,)}, False),
        ("a_policy_is_put_through_an_approved_endpoint", {"vpc_endpoints": ("vpce-00000000",)}, True),
        ("a_policy_is_put_through_an_approved_endpoint", {"vpcs": ("vpc-12345678",)}, None),
        ("a_service_takes_a_grant_for_somebody", {"vpc_endpoints": (ENDPOINT,)}, None),
    ],
)
def test_tells_whether_the_call_came_from_outside(
    name: str, networks: dict[str, tuple[str, ...]], *, outside: bool | None
) -> None:
    """A call without endpoint came from outside; one through an endpoint whose VPC is not recorded may not have."""
    assert came_from_outside(change(name), a_perimeter(**networks)) is outside
