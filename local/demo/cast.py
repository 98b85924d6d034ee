"""Who acts in the day, from where, and the policies that they put."""

from pathlib import Path

from local.wire import ACCOUNT

DEVELOPER = f"arn:aws:iam::{ACCOUNT}:role/Developer"
PLATFORM_TEAM = f"arn:aws:iam::{ACCOUNT}:role/PlatformTeam"
CONTRACTOR = f"arn:aws:iam::{ACCOUNT}:user/contractor"
TERRAFORM = f"arn:aws:iam::{ACCOUNT}:role/TerraformPipeline"

AT_HOME = "203.0.113.80"
IN_A_CAFE = "198.51.100.23"
BUILD_SERVER = "203.0.113.9"


def policy(name: str) -> str:
    """The text of one of the day's policies."""
    return (Path(__file__).parent / "policies" / f"{name}.json").read_text()
