"""Who makes a call, and from where, as CloudTrail tells it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.wire import IDENTITY_HEADER, SOURCE_IP_HEADER, VPC_ENDPOINT_HEADER

_INTERNET = "203.0.113.7"
_INSIDE_A_VPC = "10.0.0.7"
_LAMBDA_SERVICE = "198.51.100.20"


@dataclass(frozen=True)
class Caller:
    """The principal behind a request and the network that it came from.

    Attributes:
        arn: An IAM user, an IAM role, a role session, or the account's root.
        access_key: The access key ID that signed the request.
        source_ip: What CloudTrail shows as `sourceIPAddress`.
        vpc_endpoint: The VPC endpoint's ID, or None for a request from the internet.
        user_agent: The client's own description of itself.
    """

    arn: str
    access_key: str
    source_ip: str
    vpc_endpoint: str | None
    user_agent: str

    @property
    def account(self) -> str:
        """The account that the principal belongs to."""
        return self.arn.split(":")[4]

    @property
    def role_name(self) -> str | None:
        """The name of the role, where the caller is a role or a session of one."""
        kind, _, rest = self.arn.split(":", 5)[5].partition("/")
        if kind == "assumed-role":
            return rest.split("/")[0]
        return rest.rsplit("/", 1)[-1] if kind == "role" else None

    @property
    def session_arn(self) -> str:
        """The ARN that AWS shows: nobody calls as a role, only as a session of it."""
        if not self.arn.split(":", 5)[5].startswith("role/"):
            return self.arn
        return f"arn:aws:sts::{self.account}:assumed-role/{self.role_name}/session"


def read_caller(
    headers: Mapping[str, str], access_key: str, account: str, session_of: Callable[[str], str | None]
) -> Caller:
    """Tell who calls: whom the headers name, else whose session the key is, else the account's `operator`.

    Args:
        headers: The request's headers, names in lower case.
        access_key: The access key ID that signed the request.
        account: The account that the key belongs to.
        session_of: Gives the role session that a temporary access key was issued for.
    """
    session = session_of(access_key)
    endpoint = headers.get(VPC_ENDPOINT_HEADER)
    usual_address = _INSIDE_A_VPC if endpoint else _LAMBDA_SERVICE if session else _INTERNET
    return Caller(
        arn=headers.get(IDENTITY_HEADER) or session or f"arn:aws:iam::{account}:user/operator",
        access_key=access_key,
        source_ip=headers.get(SOURCE_IP_HEADER, usual_address),
        vpc_endpoint=endpoint,
        user_agent=headers.get("user-agent", ""),
    )
