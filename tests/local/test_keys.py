"""The corners of the KMS API in which ministack differs from AWS."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.embedded import EmbeddedAws
from local.wire import ACCOUNT
from tests.local.policies import ROOT, a_policy


@pytest.fixture(scope="module")
def kms(aws: EmbeddedAws) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """KMS, as the account's operator calls it."""
    return aws.client("kms")


def _new_key(kms: Any) -> Any:  # noqa: ANN401
    return kms.create_key()["KeyMetadata"]


def test_attaches_the_default_policy(kms: Any) -> None:  # noqa: ANN401
    """A key made without a policy gets AWS's default one, which leaves it to the account's IAM policies."""
    policy = json.loads(kms.get_key_policy(KeyId=_new_key(kms)["KeyId"])["Policy"])

    assert policy == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": ROOT},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def test_describes_a_key_completely(kms: Any) -> None:  # noqa: ANN401
    """The metadata names the account, and no algorithms that the key does not have."""
    described = kms.describe_key(KeyId=_new_key(kms)["KeyId"])["KeyMetadata"]

    assert (described["AWSAccountId"], described["KeyManager"]) == (ACCOUNT, "CUSTOMER")
    assert "SigningAlgorithms" not in described


@pytest.mark.parametrize(
    ("spec", "usage"),
    [("RSA_2048", "SIGN_VERIFY"), ("ECC_NIST_P256", "SIGN_VERIFY"), ("HMAC_256", "GENERATE_VERIFY_MAC")],
)
def test_makes_keys_of_every_usage(kms: Any, spec: str, usage: str) -> None:  # noqa: ANN401
    """Signing keys and MAC keys can be made: what they can do decides what the perimeter must cover."""
    made = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]

    assert (made["KeySpec"], made["KeyUsage"]) == (spec, usage)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("alias/mine", "NotFoundException"),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/mine", "NotFoundException"),
        ("arn:aws:kms:us-east-1:key/1", "InvalidArnException"),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000", "NotFoundException"),
        ("00000000-0000-0000-0000-000000000000", "NotFoundException"),
    ],
)
def test_reads_a_policy_by_key_id_or_arn_only(kms: Any, reference: str, code: str) -> None:  # noqa: ANN401
    """`GetKeyPolicy` takes no alias, even one that exists."""
    if not any(alias["AliasName"] == "alias/mine" for alias in kms.list_aliases()["Aliases"]):
        kms.create_alias(AliasName="alias/mine", TargetKeyId=_new_key(kms)["KeyId"])

    with pytest.raises(ClientError) as refusal:
        kms.get_key_policy(KeyId=reference)

    assert code == refusal.value.response["Error"]["Code"]


def test_describes_a_key_by_its_alias(kms: Any) -> None:  # noqa: ANN401
    """`DescribeKey` takes an alias."""
    key = _new_key(kms)
    kms.create_alias(AliasName="alias/described", TargetKeyId=key["KeyId"])

    assert key["Arn"] == kms.describe_key(KeyId="alias/described")["KeyMetadata"]["Arn"]


def test_knows_one_policy_name(kms: Any) -> None:  # noqa: ANN401
    """A key has one policy, and it is called `default`."""
    key = _new_key(kms)["KeyId"]

    assert kms.get_key_policy(KeyId=key, PolicyName="default")["PolicyName"] == "default"
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.get_key_policy(KeyId=key, PolicyName="other")
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.put_key_policy(KeyId=key, PolicyName="other", Policy=a_policy())


def test_protects_a_key_that_is_about_to_go(kms: Any) -> None:  # noqa: ANN401
    """A key pending deletion can be read and its policy put, but not tagged or enabled; any other cannot be saved."""
    key = _new_key(kms)["KeyId"]
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.cancel_key_deletion(KeyId=key)

    kms.schedule_key_deletion(KeyId=key)

    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    kms.put_key_policy(KeyId=key, Policy=a_policy())
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.enable_key(KeyId=key)


def test_lists_keys_in_pages(kms: Any) -> None:  # noqa: ANN401
    """The pages of `ListKeys` give every key once."""
    made = {_new_key(kms)["KeyId"] for _ in range(5)}

    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))

    listed = [key["KeyId"] for page in pages for key in page["Keys"]]
    assert made <= set(listed)
    assert len(listed) == len(set(listed))
    assert all(len(page["Keys"]) <= 2 for page in pages)
    assert all(page["Truncated"] for page in pages[:-1])


def test_lists_a_hundred_keys_a_page_unless_told(kms: Any) -> None:  # noqa: ANN401
    """A sweep that does not follow the marker sees the first hundred keys only."""
    while len([key for page in kms.get_paginator("list_keys").paginate() for key in page["Keys"]]) <= 100:
        _new_key(kms)

    page = kms.list_keys()

    assert (len(page["Keys"]), page["Truncated"]) == (100, True)


def test_lists_aliases_tags_and_grants_in_pages(kms: Any) -> None:  # noqa: ANN401
    """The other lists have pages too."""
    key = _new_key(kms)["KeyId"]
    for number in range(3):
        kms.create_alias(AliasName=f"alias/page-{number}", TargetKeyId=key)
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": f"t{number}", "TagValue": ""}])
        kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt"])

    for name, field in (("list_aliases", "Aliases"), ("list_resource_tags", "Tags"), ("list_grants", "Grants")):
        first = getattr(kms, name)(KeyId=key, Limit=2)
        rest = getattr(kms, name)(KeyId=key, Limit=2, Marker=first["NextMarker"])

        assert (len(first[field]), len(rest[field]), rest["Truncated"]) == (2, 1, False)


def test_refuses_a_page_that_makes_no_sense(kms: Any) -> None:  # noqa: ANN401
    """A limit out of bounds and a marker that KMS never gave are refused."""
    with pytest.raises(kms.exceptions.InvalidMarkerException):
        kms.list_keys(Marker="elsewhere")
    with pytest.raises(ClientError, match="ValidationException"):
        kms.list_keys(Limit=1001)


def test_keeps_managed_keys_from_everybody(aws: EmbeddedAws, kms: Any) -> None:  # noqa: ANN401
    """An AWS managed key is listed, says that AWS manages it, can be read, and refuses a new policy."""
    arn = aws.seed_managed_key("aws/ebs")

    listed = {key["KeyArn"] for page in kms.get_paginator("list_keys").paginate() for key in page["Keys"]}
    assert arn in listed
    assert kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["KeyManager"] == "AWS"
    assert "kms:ViaService" in kms.get_key_policy(KeyId=arn)["Policy"]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        kms.put_key_policy(KeyId=arn, Policy=a_policy())
