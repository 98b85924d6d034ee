import boto3
import pytest

from kms_perimeter.aws.deployment import Deployment
from kms_perimeter.errors import NoDeployment
from kms_perimeter.perimeter import Mode
from tests.unit.account import APPROVED, OURS, REGION, Account
from tests.unit.deployed import deploy, make_stack

PERIMETER = """{"version": 1, "perimeters": [{"name": "payments", "rules": [
    {"name": "use", "operations": ["cryptographic"], "vpcs": ["vpc-2b2b2b2b"]}]}]}"""


def found(stack: str = "kms-perimeter") -> Deployment:
    """The deployment that the account's credentials find."""
    return Deployment.find(boto3.Session(region_name=REGION), stack)


def test_finds_a_deployment_by_its_stack(account: Account) -> None:
    """Where its ledger and its queues are, in which account and Region, and what it may do."""
    changes = deploy(account)

    deployment = found()

    assert (deployment.account, deployment.region, deployment.partition) == (OURS, REGION, "aws")
    assert deployment.output("LedgerTable") == "ledger"
    assert deployment.output("ChangesQueueUrl") == changes
    assert deployment.mode is Mode.APPROVE
    assert deployment.key_arn("1234") == f"arn:aws:kms:{REGION}:{OURS}:key/1234"


def test_a_stack_that_is_not_there_is_named(account: Account) -> None:
    """Whoever forgets the Region sees in which one was looked."""
    deploy(account)

    with pytest.raises(NoDeployment, match=rf"^there is no stack `kms-guard` in {REGION}$"):
        found("kms-guard")


@pytest.mark.usefixtures("account")
def test_a_stack_of_something_else_is_refused() -> None:
    """Another stack of that name is not taken for a deployment."""
    make_stack("kms-perimeter", {"Bucket": "b"}, {})

    with pytest.raises(NoDeployment, match="no deployment of KMS Perimeter"):
        found()


INSTANCE = "StackSet-kms-perimeter-accounts-0d5cf1a8-8e6c-4f0b-9d3a-0c5f6f3f2b7e"


@pytest.mark.usefixtures("account")
def test_a_deployment_by_a_stack_set_is_found_without_its_name() -> None:
    """CloudFormation names such stacks itself; those of other services beside it are not taken for it."""
    make_stack("StackSet-something-else-1", {"Bucket": "b"}, {})
    make_stack("somebody-s-own-name", {"LedgerTable": "other"}, {})
    make_stack(INSTANCE, {"LedgerTable": "theirs"}, {})

    assert (found().stack, found().output("LedgerTable")) == (INSTANCE, "theirs")


@pytest.mark.usefixtures("account")
def test_who_asks_for_another_name_does_not_get_the_stack_set_s() -> None:
    """To act on another deployment than the one that was named would be worse than to stop."""
    make_stack(INSTANCE, {"LedgerTable": "theirs"}, {})

    with pytest.raises(NoDeployment, match=r"^there is no stack `kms-guard`"):
        found("kms-guard")


@pytest.mark.usefixtures("account")
def test_of_two_stack_sets_somebody_must_choose() -> None:
    """Both are named."""
    for number in (1, 2):
        make_stack(f"{INSTANCE}{number}", {"LedgerTable": "theirs"}, {})

    with pytest.raises(NoDeployment, match=f"say which is meant: `{INSTANCE}1`, `{INSTANCE}2`$"):
        found()


def test_a_deployment_of_the_usual_name_comes_first(account: Account) -> None:
    """Whatever else is there."""
    deploy(account)
    make_stack(INSTANCE, {"LedgerTable": "theirs"}, {})

    assert found().output("LedgerTable") == "ledger"


def test_what_the_mode_leaves_out_is_named(account: Account) -> None:
    """In the mode `alert` there is no remediation to send anything to."""
    deploy(account, Mode="alert")

    with pytest.raises(NoDeployment, match=r"without `RemediationsQueueUrl` \(its mode is alert\)$"):
        found().output("RemediationsQueueUrl")


def test_a_simple_deployment_has_the_perimeter_of_its_parameters(account: Account) -> None:
    """Nobody has to write a file to have keys judged as the service judges them."""
    deploy(account)

    (perimeter,) = found().perimeters(boto3.client("ssm", REGION)).perimeters

    assert perimeter.mode is Mode.APPROVE
    assert perimeter.rules[0].vpc_endpoints == (APPROVED,)


def test_a_deployment_with_a_perimeter_file_goes_by_the_file(account: Account) -> None:
    """The file is read as it is now, not as it was when the stack was deployed."""
    deploy(account, PerimeterFile="/kms-perimeter/perimeter", ApprovedVpcEndpoints="")
    ssm = boto3.client("ssm", REGION)
    ssm.put_parameter(Name="/kms-perimeter/perimeter", Value=PERIMETER, Type="String")

    (perimeter,) = found().perimeters(ssm).perimeters

    assert perimeter.name == "payments"
