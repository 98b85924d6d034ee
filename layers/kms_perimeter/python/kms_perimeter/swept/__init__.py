"""After a sweep: count how the fleet stands, write the report, and tell people in one message.

The picture is made of what the ledger recorded while the keys were judged; no policy is read for it.
"""

from kms_perimeter.swept.picture import Picture
from kms_perimeter.swept.standing import Rules
from kms_perimeter.swept.work import Clerk, Done, work

__all__ = ["Clerk", "Done", "Picture", "Rules", "work"]
