"""CloudTrail records: what happened to which key, or the named reason why a record is none of our business.

`change` is what a record says, `reader` reads it, `record` looks into records whose members may be of any type.
"""

from kms_perimeter.cloudtrail.change import (
    POLICY_CALLS,
    WATCHED,
    Ignored,
    IgnoredReason,
    KeyChange,
    advisory_on,
    came_from_outside,
)
from kms_perimeter.cloudtrail.reader import partition_of, read

__all__ = [
    "POLICY_CALLS",
    "WATCHED",
    "Ignored",
    "IgnoredReason",
    "KeyChange",
    "advisory_on",
    "came_from_outside",
    "partition_of",
    "read",
]
