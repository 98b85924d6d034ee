from datetime import timedelta

import pytest

from kms_perimeter.errors import MissingSetting
from kms_perimeter.perimeter import Mode
from kms_perimeter.settings import Settings

COMPLETE = {
    "APPROVED_VPC_ENDPOINTS": "vpce-1234abcdf5678c90a, vpce-0000000000000000a",
    "APPROVED_VPCS": "",
    "PERIMETER_FILE": "",
    "MODE": "alert",
    "CONTESTED_AFTER": "3",
    "CONTESTED_WINDOW_MINUTES": "60",
    "GUARDED_ACCOUNT": "111122223333",
    "GUARD_ROLE_ARN": "",
    "GUARD_VPC_ID": "",
    "GUARD_VPC_ENDPOINT_ID": "",
    "CHANGES_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/changes",
    "REMEDIATIONS_QUEUE_URL": "",
    "DIGEST_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/digest",
    "MOST_ALERTS": "20",
    "ALERTS_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:alerts",
    "LEDGER_TABLE": "ledger",
    "SLACK_WEBHOOK_SECRET_ARN": "",
    "SLACK_SIGNING_SECRET_ARN": "",
    "SLACK_APPROVERS": "",
    "SLACK_TEAM_ID": "",
    "SLACK_ORIGIN": "https://hooks.slack.com",
    "ANSWERS_QUEUE_URL": "",
    "SWEEPS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/sweeps",
    "SWEEP_QUOTA_SHARE": "20",
    "SWEEP_WORKERS": "10",
    "SECURITY_HUB": "false",
    "DOCS_URL": "",
    "REPORTS_BUCKET": "",
    "SWEEP_DIGEST": "news",
}
MAY_BE_EMPTY = {name for name, value in COMPLETE.items() if not value} | {"APPROVED_VPC_ENDPOINTS"}


def test_complete_settings_are_taken_over() -> None:
    """Lists are split, numbers are read, and empty means absent where it may be."""
    settings = Settings.from_environ(COMPLETE)

    assert settings.approved_vpc_endpoints == ("vpce-1234abcdf5678c90a", "vpce-0000000000000000a")
    assert settings.approved_vpcs == ()
    assert (settings.mode, settings.contested_after) == (Mode.ALERT, 3)
    assert settings.contested_window == timedelta(hours=1)
    assert settings.remediations_queue_url is settings.perimeter_file is settings.slack_webhook_secret_arn is None


@pytest.mark.parametrize("name", COMPLETE)
def test_an_absent_variable_is_named(name: str) -> None:
    """A deployment that forgets a variable fails before it reads an event."""
    with pytest.raises(MissingSetting, match=f"^the environment variable `{name}` is not set$"):
        Settings.from_environ({other: value for other, value in COMPLETE.items() if other != name})


@pytest.mark.parametrize("name", sorted(set(COMPLETE) - MAY_BE_EMPTY))
def test_an_empty_variable_is_named_where_it_must_not_be_empty(name: str) -> None:
    """Empty is no value for what the service cannot do without."""
    with pytest.raises(MissingSetting, match=f"^the environment variable `{name}` is empty$"):
        Settings.from_environ(COMPLETE | {name: " "})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MODE", "fix", "must be one of alert, approve, enforce: `fix`"),
        ("CONTESTED_AFTER", "0", "must be a number from 1 up: `0`"),
        ("CONTESTED_WINDOW_MINUTES", "an hour", "must be a number from 1 up: `an hour`"),
    ],
)
def test_an_unusable_variable_is_named_with_what_it_holds(name: str, value: str, message: str) -> None:
    """The message says what would be right."""
    with pytest.raises(MissingSetting, match=f"^the environment variable `{name}` {message}$"):
        Settings.from_environ(COMPLETE | {name: value})


@pytest.mark.parametrize("given", ["GUARD_VPC_ID", "GUARD_VPC_ENDPOINT_ID"])
def test_a_vpc_and_its_endpoint_come_together(given: str) -> None:
    """A guard that believed to be in a VPC, and whose requests carry none, could lock itself out."""
    with pytest.raises(MissingSetting, match=r"^of `GUARD_VPC_ID` and `GUARD_VPC_ENDPOINT_ID` one is set"):
        Settings.from_environ(COMPLETE | {given: "vpc-0a1b2c3d"})
