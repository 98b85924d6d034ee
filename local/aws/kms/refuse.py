"""Everything that AWS's KMS refuses and ministack lets through, in the order in which it is asked here."""

from local.aws.kms.call import Call, Refusal
from local.aws.kms.key_ids import refuse_key, refuse_policy_name
from local.aws.kms.key_states import refuse_state
from local.aws.kms.managed_keys import refuse_change_of_managed_key
from local.aws.kms.paging import refuse_page
from local.aws.kms.policies import refuse_policy

_CHECKS = (
    refuse_page,
    refuse_key,
    refuse_policy_name,
    refuse_change_of_managed_key,
    refuse_state,
    refuse_policy,
)


def refuse(call: Call) -> Refusal | None:
    """The first reason to refuse this call, or None."""
    return next((refusal for check in _CHECKS if (refusal := check(call))), None)
