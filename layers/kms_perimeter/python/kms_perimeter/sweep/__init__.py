"""The sweep: every key into the changes queue, in batches, whether an event told about it or not.

The lister goes through the keys page by page and puts them into the changes queue, timed so that they come out of it at
the rate that the account's owner gives the sweep. Where it has got to is in the ledger, so whoever comes next goes on.
"""

from kms_perimeter.sweep.batch import KEYS_PER_MESSAGE, LOOK, NOBODYS, SWEEP, SweepBatch, read, sweep_batches
from kms_perimeter.sweep.ended import DETAIL_TYPE, SOURCE, Ended
from kms_perimeter.sweep.lister import Lister, Step, asked, new_id, ordered, step
from kms_perimeter.sweep.quota import keys_per_second, rates
from kms_perimeter.sweep.retry import again

__all__ = [
    "DETAIL_TYPE",
    "KEYS_PER_MESSAGE",
    "LOOK",
    "NOBODYS",
    "SOURCE",
    "SWEEP",
    "Ended",
    "Lister",
    "Step",
    "SweepBatch",
    "again",
    "asked",
    "keys_per_second",
    "new_id",
    "ordered",
    "rates",
    "read",
    "step",
    "sweep_batches",
]
