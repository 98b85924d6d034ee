"""SEMANTICS C.1 as a table: every form of principal, and which callers a statement with it is about."""

from __future__ import annotations

import pytest

from kms_perimeter.policy import document, evaluator
from kms_perimeter.policy.request import Request
from tests.unit.policy.written import KEY, OURS, PARTNER, STRANGER, allow, deny, policy

ROLE, OTHER_ROLE = f"arn:aws:iam::{OURS}:role/App", f"arn:aws:iam::{OURS}:role/Other"
DEEP_ROLE = f"arn:aws:iam::{OURS}:role/team/App"
SESSION, OTHER_SESSION = (f"arn:aws:sts::{OURS}:assumed-role/App/{name}" for name in ("deploy", "other"))
USER, DEEP_USER = f"arn:aws:iam::{OURS}:user/alice", f"arn:aws:iam::{OURS}:user/eng/alice"
FEDERATED = f"arn:aws:sts::{OURS}:federated-user/alice"
ROOT = f"arn:aws:iam::{OURS}:root"
FOREIGN = f"arn:aws:iam::{PARTNER}:role/App"
LOGS, SNS = "logs.us-east-1.amazonaws.com", "sns.amazonaws.com"
OF_ACCOUNT = {ROLE, OTHER_ROLE, DEEP_ROLE, SESSION, OTHER_SESSION, USER, DEEP_USER, FEDERATED, ROOT}
EVERYBODY = OF_ACCOUNT | {FOREIGN, LOGS, SNS}

FORMS: dict[str, tuple[object, set[str], str]] = {
    "a bare star": ("*", EVERYBODY, "key-policy"),
    "a star under AWS": ({"AWS": "*"}, EVERYBODY, "key-policy"),
    "a star in a list": ({"AWS": ["*"]}, EVERYBODY, "key-policy"),
    "an account number": ({"AWS": OURS}, OF_ACCOUNT, "iam"),
    "the account's root ARN": ({"AWS": ROOT}, OF_ACCOUNT, "iam"),
    "a role": ({"AWS": ROLE}, {ROLE, SESSION, OTHER_SESSION}, "key-policy"),
    "a role with a path": ({"AWS": DEEP_ROLE}, {DEEP_ROLE, SESSION, OTHER_SESSION}, "key-policy"),
    "a session": ({"AWS": SESSION}, {SESSION}, "key-policy"),
    "a user": ({"AWS": USER}, {USER, FEDERATED}, "key-policy"),
    "a user with a path": ({"AWS": DEEP_USER}, {DEEP_USER, FEDERATED}, "key-policy"),
    "a federated user": ({"AWS": FEDERATED}, {FEDERATED}, "key-policy"),
    "another account": ({"AWS": PARTNER}, {FOREIGN}, "iam"),
    "a role of another account": ({"AWS": FOREIGN}, {FOREIGN}, "key-policy"),
    "a service": ({"Service": LOGS}, {LOGS}, "key-policy"),
    "several of several kinds": ({"AWS": [USER, PARTNER], "Service": [SNS]}, {USER, FEDERATED, FOREIGN, SNS}, ""),
    "an identity provider": ({"Federated": "cognito-identity.amazonaws.com"}, set(), ""),
    "a canonical user": ({"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}, set(), ""),
    "what is left of a deleted role": ({"AWS": "AROAEXAMPLEEXAMPLE123"}, set(), ""),
    "part of a name": ({"AWS": f"arn:aws:iam::{OURS}:role/A*"}, set(), ""),
    "an account with a star": ({"AWS": f"arn:aws:iam::{OURS}:*"}, set(), ""),
}


def decision(text: str, principal: str) -> evaluator.Evaluation:
    """What a policy says of a caller who wants to decrypt."""
    return evaluator.evaluate(document.parse(text), Request(principal, "kms:Decrypt", KEY.arn, {}), KEY)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_of_principal_lets_in_whom_it_names(name: str) -> None:
    """Allowed are those that it names, by its route, and nobody else."""
    principal, named, route = FORMS[name]
    text = policy(allow(principal))

    found = {caller: decision(text, caller) for caller in EVERYBODY}

    assert {caller for caller, said in found.items() if said.decision == evaluator.ALLOWED} == named
    assert not route or {said.route for said in found.values() if said.route} == {route}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_of_principal_under_not_principal_spares_whom_it_names(name: str) -> None:
    """Denied are all but those that it names."""
    principal, named, _ = FORMS[name]
    text = policy(allow("*"), deny(NotPrincipal=principal))

    allowed = {caller for caller in EVERYBODY if decision(text, caller).decision == evaluator.ALLOWED}

    assert allowed == named


def test_a_stranger_is_let_in_by_a_star_alone() -> None:
    """An account that nobody names is everybody's, and for operations that work across accounts only."""
    stranger = f"arn:aws:iam::{STRANGER}:user/x"
    parsed = document.parse(policy(allow("*")))

    said = [
        evaluator.evaluate(parsed, Request(stranger, action, KEY.arn, {}), KEY).decision
        for action in ("kms:Decrypt", "kms:PutKeyPolicy")
    ]

    assert said == [evaluator.ALLOWED, evaluator.IMPLICIT_DENY]
