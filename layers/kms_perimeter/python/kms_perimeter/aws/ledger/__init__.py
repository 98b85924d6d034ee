"""The ledger: every verdict, every replaced policy and every action, who and why.

One DynamoDB table, partitioned by key ARN. Entries are written once and never again; their sort key is the time of
the cause, the cause's ID and the step, so that a second run of the same work meets its own entries. Beside them each
key has one item `STATE`, which says what was last seen and what was last settled (told, acted on, recorded).
"""

from kms_perimeter.aws.ledger.asks import Ask, Asks
from kms_perimeter.aws.ledger.counts import Count, Counts
from kms_perimeter.aws.ledger.entry import Entry, Kind
from kms_perimeter.aws.ledger.governing import Governing
from kms_perimeter.aws.ledger.ledger import CLAIM, Ledger
from kms_perimeter.aws.ledger.recorded import KEYS_PER_CALL, Known, Past, Recorded
from kms_perimeter.aws.ledger.state import KEPT_REMEDIATIONS, Finding, Opening, Settlement, State
from kms_perimeter.aws.ledger.sweeps import Progress, Sweeps

__all__ = [
    "CLAIM",
    "KEPT_REMEDIATIONS",
    "KEYS_PER_CALL",
    "Ask",
    "Asks",
    "Count",
    "Counts",
    "Entry",
    "Finding",
    "Governing",
    "Kind",
    "Known",
    "Ledger",
    "Opening",
    "Past",
    "Progress",
    "Recorded",
    "Settlement",
    "State",
    "Sweeps",
]
