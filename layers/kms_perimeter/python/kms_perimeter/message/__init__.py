"""What the guard says: pure wording, from what was found, decided and done.

Every message answers, in this order: what is open and to whom, by which statement, who did it from where and when, what
the guard does about it, what to do now.
"""

from kms_perimeter.message.closed import exposure_closed, followed, overwritten, refused, remediated
from kms_perimeter.message.digest import STILL_OPEN, Notice, digest, notice_of
from kms_perimeter.message.model import Exposure, Matter, Message
from kms_perimeter.message.opened import alert, asked, contested, unreadable
from kms_perimeter.message.standing import exception_ends, moved, perimeter_refused
from kms_perimeter.message.swept import Comparison, ReportPlace, swept

__all__ = [
    "STILL_OPEN",
    "Comparison",
    "Exposure",
    "Matter",
    "Message",
    "Notice",
    "ReportPlace",
    "alert",
    "asked",
    "contested",
    "digest",
    "exception_ends",
    "exposure_closed",
    "followed",
    "moved",
    "notice_of",
    "overwritten",
    "perimeter_refused",
    "refused",
    "remediated",
    "swept",
    "unreadable",
]
