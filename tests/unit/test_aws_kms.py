import json

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from kms_perimeter.aws.kms import Keys
from kms_perimeter.errors import AccessIsDenied, KeyIsGone, PolicyIsRefused
from tests.unit.account import OPEN, OURS, REGION, Account, closed, refuse


def test_describes_what_the_meaning_of_a_policy_depends_on(account: Account) -> None:
    """A key's usage, spec, owner and Region come from DescribeKey."""
    arn = account.key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")

    live = account.guard.keys.describe(arn)

    assert live.arn == live.key.arn == arn
    assert (live.manager, live.state) == ("CUSTOMER", "Enabled")
    assert (live.key.usage, live.key.spec) == ("SIGN_VERIFY", "ECC_NIST_P256")
    assert (live.key.account, live.key.region, live.key.partition) == (OURS, REGION, "aws")
    assert (live.key.tags, live.key.aliases) == (None, None)


def test_reads_tags_and_aliases_only_when_asked(account: Account) -> None:
    """Tags and aliases cost a call each."""
    arn = account.key(Tags=[{"TagKey": "Environment", "TagValue": "production"}])
    account.kms.create_alias(AliasName="alias/prod-1", TargetKeyId=arn)
    account.calls.clear()

    key = account.guard.keys.describe(arn).key
    key = account.guard.keys.with_aliases(account.guard.keys.with_tags(key))

    assert key.tags == {"Environment": "production"}
    assert key.aliases == ("alias/prod-1",)
    assert account.calls == ["DescribeKey", "ListResourceTags", "ListAliases"]


def test_puts_a_policy_with_the_lockout_check(account: Account) -> None:
    """KMS's lockout check is never skipped."""
    arn, asked = account.key(), []
    account.kms.meta.events.register("provide-client-params.kms.PutKeyPolicy", lambda params, **_: asked.append(params))

    account.guard.keys.put_policy(arn, closed())

    assert json.loads(account.guard.keys.policy(arn)) == json.loads(closed())
    assert asked[0]["BypassPolicyLockoutSafetyCheck"] is False


def test_lists_every_key_of_every_page() -> None:
    """No key is left out, however many there are; moto gives all in one page, so the pages are written down here."""
    client = boto3.client("kms", REGION, aws_access_key_id="x", aws_secret_access_key="x")
    pages = [[f"arn:aws:kms:{REGION}:{OURS}:key/{page}-{number}" for number in range(3)] for page in range(2)]
    first, last = ([{"KeyArn": arn, "KeyId": arn[-3:]} for arn in page] for page in pages)
    with Stubber(client) as kms:
        kms.add_response("list_keys", {"Keys": first, "Truncated": True, "NextMarker": "on"}, {"Limit": 1000})
        kms.add_response("list_keys", {"Keys": last, "Truncated": False}, {"Limit": 1000, "Marker": "on"})

        assert list(Keys(client).all()) == [*pages[0], *pages[1]]
        kms.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("NotFoundException", KeyIsGone),
        ("AccessDeniedException", AccessIsDenied),
        ("MalformedPolicyDocumentException", PolicyIsRefused),
        ("LimitExceededException", PolicyIsRefused),
        ("KMSInvalidStateException", PolicyIsRefused),
    ],
)
def test_names_what_a_retry_does_not_cure(account: Account, code: str, refusal: type[Exception]) -> None:
    """What KMS refuses for good is told with KMS's code and words."""
    arn = account.key()
    refuse(account.kms, "PutKeyPolicy", code)

    with pytest.raises(refusal, match=f"^{code}: PutKeyPolicy is refused$"):
        account.guard.keys.put_policy(arn, OPEN)


@pytest.mark.parametrize("code", ["ThrottlingException", "KMSInternalException", "DependencyTimeoutException"])
def test_lets_pass_what_a_retry_may_cure(account: Account, code: str) -> None:
    """What lasts for a moment is left to the queue, which delivers the message again."""
    arn = account.key()
    refuse(account.kms, "GetKeyPolicy", code)

    with pytest.raises(ClientError, match=code):
        account.guard.keys.policy(arn)


def test_tells_grantees_that_are_aws_services(account: Account) -> None:
    """Grants to services, to EBS's role and to service-linked roles count; a role of the account does not."""
    arn = account.key()
    ebs = "arn:aws:sts::123456789012:assumed-role/aws:ec2-infrastructure/i-0abc"
    linked = f"arn:aws:iam::{OURS}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"
    service = "dynamodb.us-east-1.amazonaws.com"
    for grantee in (ebs, linked, service, f"arn:aws:iam::{OURS}:role/Batch"):
        account.kms.create_grant(KeyId=arn, GranteePrincipal=grantee, Operations=["Decrypt"])

    assert account.guard.keys.service_grantees(arn) == tuple(sorted((ebs, linked, service)))
