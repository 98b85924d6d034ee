"""In what one perimeter is weaker than another, for a key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kms_perimeter.comparison import weaker
from kms_perimeter.perimeter import Mode, Perimeter, Rule, ServiceTrust
from kms_perimeter.policy.key import Key

KEY = Key(account="111122223333")
USE = Rule("use", ("cryptographic",), ("vpce-1a2b3c4d",), ("vpc-2b2b2b2b",))
ADMINISTRATION = Rule("administration", ("kms:PutKeyPolicy",), (), ("vpc-12345678",))
BEFORE = Perimeter("production", (USE, ADMINISTRATION), mode=Mode.APPROVE, aws_services=ServiceTrust.DENIED)

WEAKER = {
    "an operation left out": (replace(BEFORE, rules=(USE,)), "No rule covers kms:PutKeyPolicy any more."),
    "another network": (
        replace(BEFORE, rules=(USE, replace(ADMINISTRATION, vpc_endpoints=("vpce-12345678",)))),
        "kms:PutKeyPolicy may also come from vpce-12345678.",
    ),
    "another account's endpoints": (
        replace(BEFORE, rules=(replace(USE, vpce_accounts=("444455556666",)), ADMINISTRATION)),
        "kms:Encrypt, kms:Decrypt, kms:ReEncryptFrom, kms:ReEncryptTo and 4 more may also come from 444455556666.",
    ),
    "a second rule for an operation": (
        replace(BEFORE, rules=(*BEFORE.rules, replace(ADMINISTRATION, name="more", vpcs=("vpc-abcdef01",)))),
        "kms:PutKeyPolicy may also come from vpc-abcdef01.",
    ),
    "services trusted": (
        replace(BEFORE, aws_services=ServiceTrust.TRUSTED),
        "What AWS services do is trusted now.",
    ),
    "break-glass": (
        replace(BEFORE, break_glass_principals=("arn:aws:iam::111122223333:role/Glass",)),
        "arn:aws:iam::111122223333:role/Glass may use it from everywhere now.",
    ),
    "a lower mode": (replace(BEFORE, mode=Mode.ALERT), "Its mode is alert now and was approve."),
}


@pytest.mark.parametrize(("after", "sentence"), WEAKER.values(), ids=WEAKER)
def test_each_way_of_being_weaker_has_its_sentence(after: Perimeter, sentence: str) -> None:
    """And the way back is no weaker in that."""
    assert weaker(BEFORE, after, KEY) == (sentence,)
    assert weaker(after, BEFORE, KEY) == ()


def test_further_accounts_count_where_services_are_trusted() -> None:
    """Where they are not, nobody may act for those accounts either."""
    trusting = replace(BEFORE, aws_services=ServiceTrust.TRUSTED)
    accounts = ("444455556666",)

    assert weaker(trusting, replace(trusting, trusted_accounts=accounts), KEY) == (
        "What AWS services do for principals of 444455556666 is trusted now.",
    )
    assert weaker(BEFORE, replace(BEFORE, trusted_accounts=accounts), KEY) == ()


def test_what_the_key_cannot_do_makes_nothing_weaker() -> None:
    """A rule for signing is no loss for a key that does not sign."""
    both = replace(BEFORE, rules=(*BEFORE.rules, Rule("sign", ("kms:Sign",), ("vpce-1a2b3c4d",))))

    assert weaker(both, BEFORE, KEY) == ()
    assert weaker(both, replace(BEFORE, rules=(ADMINISTRATION,)), Key(usage="SIGN_VERIFY", spec="ECC_NIST_P256")) == (
        "No rule covers kms:Sign, kms:Verify any more.",
    )


def test_a_perimeter_is_no_weaker_than_itself_by_another_name() -> None:
    """Names and the order of values say nothing about strength."""
    turned = replace(BEFORE, name="other", rules=(ADMINISTRATION, replace(USE, name="day to day")))

    assert weaker(BEFORE, turned, KEY) == ()
