"""The names that the two sides of the embedded AWS share: the controller `local.embedded`, the server `local.aws`.

A real caller's identity and network are known to AWS from its credentials and its packets. Here the caller states them,
in HTTP headers that no AWS client sends.
"""

ACCOUNT = "111122223333"
"""The account that everything is in, unless told otherwise: the account of the AWS documentation's examples."""

REGION = "us-east-1"

IDENTITY_HEADER = "x-local-identity"
"""The ARN of the IAM user, role, or role session that makes the call."""

VPC_ENDPOINT_HEADER = "x-local-vpc-endpoint"
"""The ID of the VPC endpoint that the call came over; absent for a call from the internet."""

SOURCE_IP_HEADER = "x-local-source-ip"
"""The IP address that the call came from."""

LOSES_EVENT_HEADER = "x-local-loses-event"
"""Present: the call's CloudTrail record never arrives, since AWS delivers records on a "best effort" basis."""

MANAGED_KEY_PATH = "/_local/managed-keys"
"""POST `{"alias": "aws/ebs"}` here to make a key that AWS manages, as using an integrated service does."""
