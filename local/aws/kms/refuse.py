"""Everything that AWS's KMS refuses and ministack lets through, in the order in which it is asked."""

from local.aws.kms.call import Call, Refusal
from local.aws.kms.paging import refuse_page

_CHECKS = (refuse_page,)


def refuse(call: Call) -> Refusal | None:
    """The first reason to refuse this call, or None."""
    return next((refusal for check in _CHECKS if (refusal := check(call))), None)
