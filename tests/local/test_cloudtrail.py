"""A KMS call that changes something becomes the event that AWS would deliver; ministack alone delivers none."""

import json
from typing import Any

import boto3
import pytest

from local.aws.cloudtrail.naming import lower_camel, print_date
from local.aws.cloudtrail.request import MOST_BYTES, request_parameters
from local.embedded import EmbeddedAws
from local.wire import ACCOUNT
from tests.local.policies import a_policy, a_statement
from tests.local.trail import listening

TERRAFORM = f"arn:aws:iam::{ACCOUNT}:role/TerraformPipeline"


def test_wraps_the_record_as_eventbridge_does(aws: EmbeddedAws) -> None:
    """The event comes from `aws.kms`, on the default bus, in the account and Region of the call."""
    with listening(aws) as trail:
        aws.client("kms").create_key()
        [event] = trail.events(1)

    assert {"version", "id", "time", "detail"} < set(event)
    assert event["source"] == "aws.kms"
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert (event["account"], event["region"]) == (ACCOUNT, "us-east-1")


def test_tells_of_a_new_key(aws: EmbeddedAws) -> None:
    """CreateKey: the defaults spelled out, no `policy` where none was given, the key in `responseElements`."""
    with listening(aws) as trail:
        arn = aws.client("kms").create_key(Tags=[{"TagKey": "Owner", "TagValue": "x"}])["KeyMetadata"]["Arn"]
        [record] = trail.records(1)

    assert record["requestParameters"] == {
        "description": "",
        "origin": "AWS_KMS",
        "keyUsage": "ENCRYPT_DECRYPT",
        "keySpec": "SYMMETRIC_DEFAULT",
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "bypassPolicyLockoutSafetyCheck": False,
        "tags": [{"tagKey": "Owner", "tagValue": "x"}],
    }
    made = record["responseElements"]["keyMetadata"]
    assert (made["aWSAccountId"], made["arn"], made["keyManager"]) == (ACCOUNT, arn, "CUSTOMER")
    assert record["resources"] == [{"ARN": arn, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}]


def test_tells_of_a_new_policy(aws: EmbeddedAws) -> None:
    """PutKeyPolicy: the policy as the string that was sent, the key as the caller named it, no `responseElements`."""
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]
    policy = a_policy(a_statement(Sid="new"))

    with listening(aws) as trail:
        kms.put_key_policy(KeyId=key["KeyId"], Policy=policy)
        [record] = trail.records(1)

    assert record["eventName"] == "PutKeyPolicy"
    assert record["requestParameters"] == {
        "keyId": key["KeyId"],
        "policyName": "default",
        "policy": policy,
        "bypassPolicyLockoutSafetyCheck": False,
    }
    assert record["responseElements"] is None
    assert record["resources"][0]["ARN"] == key["Arn"]
    assert (record["readOnly"], record["managementEvent"], record["eventCategory"]) == (False, True, "Management")


def test_tells_of_a_grant(aws: EmbeddedAws) -> None:
    """CreateGrant: the grant's ID and the key's ARN, never the grant token; an encryption context as it was written."""
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]
    context = {"EncryptionContextSubset": {"Department": "IT"}}

    with listening(aws) as trail:
        grant = kms.create_grant(
            KeyId=key["KeyId"], GranteePrincipal=TERRAFORM, Operations=["Decrypt"], Constraints=context
        )
        [record] = trail.records(1)

    assert record["responseElements"] == {"grantId": grant["GrantId"], "keyId": key["Arn"]}
    assert record["requestParameters"]["constraints"] == {"encryptionContextSubset": {"Department": "IT"}}


def test_tells_of_the_alias_and_its_key(aws: EmbeddedAws) -> None:
    """CreateAlias, UpdateAlias, DeleteAlias: both resources, also when the alias is gone afterwards."""
    kms = aws.client("kms")
    one, two = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    alias = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/told"

    with listening(aws) as trail:
        kms.create_alias(AliasName="alias/told", TargetKeyId=one)
        kms.update_alias(AliasName="alias/told", TargetKeyId=two)
        kms.delete_alias(AliasName="alias/told")
        records = trail.records(3)

    assert [record["eventName"] for record in records] == ["CreateAlias", "UpdateAlias", "DeleteAlias"]
    touched = [[resource["ARN"] for resource in record["resources"]] for record in records]
    assert touched == [[one, alias], [two, alias], [two, alias]]


def test_tells_of_a_replica_in_both_regions(aws: EmbeddedAws) -> None:
    """ReplicateKey: a record where the primary is, and a CreateKey where the replica is."""
    kms = aws.client("kms")
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]

    with listening(aws) as here, listening(aws, "eu-west-1") as there:
        kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
        [replicated], [created] = here.records(1), there.records(1)

    replica = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{key}"
    assert replicated["eventName"] == "ReplicateKey"
    assert replicated["responseElements"]["replicaKeyMetadata"]["arn"] == replica
    assert json.loads(replicated["responseElements"]["replicaPolicy"])["Id"] == "key-default-1"
    assert (created["eventName"], created["awsRegion"]) == ("CreateKey", "eu-west-1")
    assert created["resources"][0]["ARN"] == replica


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("tag_resource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("untag_resource", {"TagKeys": ["a"]}),
        ("disable_key", {}),
        ("enable_key", {}),
        ("enable_key_rotation", {}),
        ("schedule_key_deletion", {"PendingWindowInDays": 7}),
        ("cancel_key_deletion", {}),
    ],
)
def test_tells_of_each_change(aws: EmbeddedAws, operation: str, parameters: dict[str, Any]) -> None:
    """Every call that changes a key leaves one record that names the key."""
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]
    if operation == "cancel_key_deletion":
        kms.schedule_key_deletion(KeyId=key["KeyId"])

    with listening(aws) as trail:
        getattr(kms, operation)(KeyId=key["KeyId"], **parameters)
        [record] = trail.records(1)

    assert record["eventName"] == kms.meta.method_to_api_mapping[operation]
    assert record["resources"][0]["ARN"] == key["Arn"]


def test_says_nothing_of_a_read(aws: EmbeddedAws) -> None:
    """Read-only management events reach a rule only where somebody asked for them, and nobody does here."""
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    with listening(aws) as trail:
        kms.describe_key(KeyId=key)
        kms.get_key_policy(KeyId=key)
        kms.list_keys()
        kms.disable_key(KeyId=key)
        records = trail.records(1)

    assert [record["eventName"] for record in records] == ["DisableKey"]


def test_tells_of_a_refused_call_with_its_error(aws: EmbeddedAws) -> None:
    """A call that fails is on the trail too, with `errorCode` and without `responseElements`."""
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    with listening(aws) as trail:
        with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
            kms.put_key_policy(KeyId=key, Policy="{")
        [record] = trail.records(1)

    assert record["errorCode"] == "MalformedPolicyDocumentException"
    assert record["responseElements"] is None
    assert record["requestParameters"]["policy"] == "{"


def test_shortens_access_denied(aws: EmbeddedAws) -> None:
    """What the API calls AccessDeniedException is `AccessDenied` on the trail."""
    key = aws.seed_managed_key("aws/rds")
    kms = aws.client("kms")

    with listening(aws) as trail:
        with pytest.raises(kms.exceptions.ClientError):
            kms.put_key_policy(KeyId=key, Policy=a_policy())
        [record] = trail.records(1)

    assert record["errorCode"] == "AccessDenied"
    assert "kms:PutKeyPolicy" in record["errorMessage"]


def test_shows_a_role_as_a_session_of_it(aws: EmbeddedAws) -> None:
    """Nobody calls as a role: the trail shows the session, and the role as its issuer."""
    with listening(aws) as trail:
        aws.client("kms", identity=TERRAFORM).create_key()
        [record] = trail.records(1)

    who = record["userIdentity"]
    assert who["type"] == "AssumedRole"
    assert who["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/TerraformPipeline/session"
    assert who["sessionContext"]["sessionIssuer"]["arn"] == TERRAFORM


@pytest.mark.parametrize(
    ("identity", "kind", "name"),
    [(f"arn:aws:iam::{ACCOUNT}:user/team/Alice", "IAMUser", "Alice"), (f"arn:aws:iam::{ACCOUNT}:root", "Root", None)],
)
def test_shows_users(aws: EmbeddedAws, identity: str, kind: str, name: str | None) -> None:
    """An IAM user has a name; the root user has none."""
    with listening(aws) as trail:
        aws.client("kms", identity=identity).create_key()
        [record] = trail.records(1)

    who = record["userIdentity"]
    assert (who["type"], who["arn"], who.get("userName")) == (kind, identity, name)


def test_tells_from_which_network(aws: EmbeddedAws) -> None:
    """A call over a VPC endpoint names the endpoint; one from the internet has a public address and no endpoint."""
    with listening(aws) as trail:
        aws.client("kms", vpc_endpoint="vpce-1234abcdf5678c90a").create_key()
        aws.client("kms", source_ip="198.51.100.1").create_key()
        inside, outside = trail.records(2)

    assert (inside["vpcEndpointId"], inside["sourceIPAddress"]) == ("vpce-1234abcdf5678c90a", "10.0.0.7")
    assert outside["sourceIPAddress"] == "198.51.100.1"
    assert "vpcEndpointId" not in outside


def test_loses_an_event_when_told_to(aws: EmbeddedAws) -> None:
    """A call whose record never arrives did what it was to do; a sweep must find the key."""
    lossy = aws.client("kms", loses_events=True)

    with listening(aws) as trail:
        lost = lossy.create_key()["KeyMetadata"]["Arn"]
        told = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        records = trail.records(1)

    assert [record["resources"][0]["ARN"] for record in records] == [told]
    assert aws.client("kms").describe_key(KeyId=lost)["KeyMetadata"]["Arn"] == lost


def test_keeps_an_assumed_roles_name(aws: EmbeddedAws) -> None:
    """Credentials from `sts:AssumeRole` speak for themselves: no identity has to be stated."""
    role = aws.client("iam").create_role(RoleName="Assumed", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    issued = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="alice")["Credentials"]
    session = boto3.session.Session(
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
    )
    kms = session.client("kms", endpoint_url=aws.endpoint, region_name="us-east-1")

    with listening(aws) as trail:
        kms.create_key()
        [record] = trail.records(1)

    assert record["userIdentity"]["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Assumed/alice"


def test_leaves_out_what_is_too_large() -> None:
    """Beyond 100 KB the content of `requestParameters` is omitted, and the record says so."""
    shown = request_parameters("PutKeyPolicy", {"KeyId": "k", "Policy": "x" * MOST_BYTES})

    assert (shown["omitted"], shown["reason"]) == (True, "requestParameters too large")
    assert shown["originalSize"] > MOST_BYTES
    assert "policy" not in shown


def test_spells_as_cloudtrail_does() -> None:
    """Names begin with a small letter, dates are written out, values are left alone."""
    assert lower_camel({"AWSAccountId": 1, "Tags": [{"TagKey": "Key"}]}) == {
        "aWSAccountId": 1,
        "tags": [{"tagKey": "Key"}],
    }
    assert print_date(1593484447) == "Jun 30, 2020 2:34:07 AM"
