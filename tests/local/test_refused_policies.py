"""KMS refuses what AWS refuses: key policies that are no key policies, or that nobody could undo."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.embedded import EmbeddedAws
from tests.local.policies import OURS, ROOT, STRANGER, a_policy, a_statement

MALFORMED = "MalformedPolicyDocumentException"

REFUSED = {
    "no JSON": ('{"Statement": [', MALFORMED),
    "a trailing comma": ('{"Statement": [],}', MALFORMED),
    "a list": ("[]", MALFORMED),
    "an element twice": ('{"Statement": [], "Statement": []}', MALFORMED),
    "no statement": (a_policy(Statement=[]), MALFORMED),
    "an unknown element": (a_policy(Owner="us"), MALFORMED),
    "an unknown version": (a_policy(Version="2020-01-01"), MALFORMED),
    "an unknown element in a statement": (a_policy(a_statement(Actions="kms:*")), MALFORMED),
    "an unknown effect": (a_policy(a_statement(), a_statement(Effect="allow")), MALFORMED),
    "no effect": (a_policy(a_statement(), a_statement(Effect=None)), MALFORMED),
    "no principal": (a_policy(a_statement(), a_statement(Principal=None)), MALFORMED),
    "principal and not-principal": (a_policy(a_statement(), a_statement(NotPrincipal="*")), MALFORMED),
    "action and not-action": (a_policy(a_statement(NotAction="kms:Sign")), MALFORMED),
    "an action that is none": (a_policy(a_statement(Action="everything")), MALFORMED),
    "a resource that is none": (a_policy(a_statement(), a_statement(Resource="key")), MALFORMED),
    "an unknown operator": (a_policy(a_statement(Condition={"StringIs": {"aws:SourceVpce": "x"}})), MALFORMED),
    "a condition value that is an object": (a_policy(a_statement(Condition={"Bool": {"k": {}}})), MALFORMED),
    "the same Sid twice": (a_policy(a_statement(Sid="A"), a_statement(Sid="A")), MALFORMED),
    "an empty list of principals": (a_policy(a_statement(), a_statement(Principal={"AWS": []})), MALFORMED),
    "an unknown kind of principal": (a_policy(a_statement(), a_statement(Principal={"Aws": ROOT})), MALFORMED),
    "a bare principal": (a_policy(a_statement(), a_statement(Principal=ROOT)), MALFORMED),
    "a role that does not exist": (
        a_policy(a_statement(), a_statement(Principal={"AWS": f"arn:aws:iam::{OURS}:role/Nobody"})),
        MALFORMED,
    ),
    "the ID of a deleted user": (
        a_policy(a_statement(), a_statement(Principal={"AWS": "AIDACKCEVSQ6C2EXAMPLE"})),
        MALFORMED,
    ),
    "a wildcard in a principal": (
        a_policy(a_statement(), a_statement(Principal={"AWS": f"arn:aws:iam::{OURS}:role/*"})),
        MALFORMED,
    ),
    "a group": (a_policy(a_statement(), a_statement(Principal={"AWS": f"arn:aws:iam::{STRANGER}:group/x"})), MALFORMED),
    "a service that is none": (a_policy(a_statement(), a_statement(Principal={"Service": "logs"})), MALFORMED),
    "no way back for the caller": (a_policy(a_statement(Principal={"AWS": STRANGER})), MALFORMED),
    "a deny for the caller": (a_policy(a_statement(), a_statement(Effect="Deny", Action="kms:Put*")), MALFORMED),
    "an allow without an action": (a_policy(a_statement(Action=None)), MALFORMED),
    "a character beyond Latin-1": (json.dumps({"Id": "\u2192"}, ensure_ascii=False), "ValidationException"),
    "too many bytes": (a_policy(a_statement(Sid="x" * 32_768)), "LimitExceededException"),
}

TAKEN = {
    "the default policy": a_policy(),
    "a statement without a resource": a_policy(a_statement(), a_statement(Resource=None)),
    "a statement without an action": a_policy(a_statement(), a_statement(Action=None)),
    "a stranger's role": a_policy(a_statement(), a_statement(Principal={"AWS": f"arn:aws:iam::{STRANGER}:role/x"})),
    "a service": a_policy(a_statement(), a_statement(Principal={"Service": "logs.us-east-1.amazonaws.com"})),
    "spaces in a Sid": a_policy(a_statement(Sid="Enable IAM User Permissions")),
    "everybody": a_policy(a_statement(Principal="*")),
    "a single statement without a list": a_policy(Statement=a_statement()),
    "a conditional deny": a_policy(
        a_statement(),
        a_statement(
            Effect="Deny",
            Principal="*",
            Condition={
                "StringNotEqualsIfExists": {"aws:SourceVpce": ["vpce-1", "vpce-2"]},
                "BoolIfExists": {"aws:ViaAWSService": "false"},
                "Null": {"aws:SourceVpc": True},
                "ForAllValues:StringLike": {"kms:EncryptionContextKeys": "a*"},
            },
        ),
    ),
    "exactly as many bytes as fit": a_policy(a_statement(Sid="x" * (32_768 - len(a_policy(a_statement(Sid="")))))),
}


@pytest.fixture(scope="module")
def kms(aws: EmbeddedAws) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """KMS, as the account's operator calls it."""
    return aws.client("kms")


@pytest.fixture(scope="module")
def key(kms: Any) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    """A key with the default policy."""
    return str(kms.create_key()["KeyMetadata"]["KeyId"])


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(kms: Any, key: str, name: str) -> None:  # noqa: ANN401
    """A policy that AWS refuses is refused with AWS's code, and the old one stays."""
    policy, code = REFUSED[name]
    before = kms.get_key_policy(KeyId=key)["Policy"]

    with pytest.raises(ClientError) as refusal:
        kms.put_key_policy(KeyId=key, Policy=policy)

    assert code == refusal.value.response["Error"]["Code"]
    assert before == kms.get_key_policy(KeyId=key)["Policy"]


@pytest.mark.parametrize("name", TAKEN)
def test_takes(kms: Any, key: str, name: str) -> None:  # noqa: ANN401
    """A policy that AWS takes is stored and given back as it was written."""
    kms.put_key_policy(KeyId=key, Policy=TAKEN[name])

    assert TAKEN[name] == kms.get_key_policy(KeyId=key)["Policy"]


def test_creates_no_key_with_a_refused_policy(kms: Any) -> None:  # noqa: ANN401
    """`CreateKey` holds its policy to the same rules."""
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
        kms.create_key(Policy=a_policy(a_statement(Principal={"AWS": STRANGER})))


def test_bypasses_the_lockout_check_when_told(kms: Any) -> None:  # noqa: ANN401
    """`BypassPolicyLockoutSafetyCheck` lets a policy through that shuts its caller out."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    locked = a_policy(a_statement(Principal={"AWS": STRANGER}))

    kms.put_key_policy(KeyId=key, Policy=locked, BypassPolicyLockoutSafetyCheck=True)

    assert locked == kms.get_key_policy(KeyId=key)["Policy"]


def test_takes_a_role_that_exists(aws: EmbeddedAws, kms: Any, key: str) -> None:  # noqa: ANN401
    """A role may be named once IAM has it, and so may a session of it."""
    role = aws.client("iam").create_role(RoleName="Real", AssumeRolePolicyDocument="{}", Path="/team/")["Role"]["Arn"]
    session = f"arn:aws:sts::{OURS}:assumed-role/Real/session"

    kms.put_key_policy(KeyId=key, Policy=a_policy(a_statement(), a_statement(Principal={"AWS": [role, session]})))

    assert role in kms.get_key_policy(KeyId=key)["Policy"]


def test_lets_a_named_role_keep_the_key(aws: EmbeddedAws) -> None:
    """The lockout check asks about the caller: a policy for one role is that role's to put, and nobody else's."""
    role = aws.client("iam").create_role(RoleName="Owner", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    owner, other = aws.client("kms", identity=role), aws.client("kms")
    policy = a_policy(a_statement(Principal={"AWS": role}))

    key = owner.create_key(Policy=policy)["KeyMetadata"]["KeyId"]

    with pytest.raises(other.exceptions.MalformedPolicyDocumentException):
        other.put_key_policy(KeyId=key, Policy=policy)
