"""The forms of a principal in a key policy.

Source: *AWS JSON policy elements: Principal* in the IAM User Guide.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from kms_perimeter.policy.record import record


class Form(StrEnum):
    """What kind of caller a principal names."""

    __hash__ = str.__hash__  # not that of `Enum`, which is Python's own and slow

    ANYONE = "anyone"
    ACCOUNT = "account"
    USER = "user"
    ROLE = "role"
    SESSION = "session"
    FEDERATED_USER = "federated-user"
    SERVICE = "service"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


@record
class Principal:
    """One principal of a statement.

    Attributes:
        form: what kind of caller it names.
        value: the text as written.
        account: the account of an IAM principal, else None.
        name: for a role its name without the path, for a session the role's name, for a user the name; else empty.
    """

    form: Form
    value: str
    account: str | None = None
    name: str = ""


_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_ARN = re.compile(r"arn:[a-z0-9-]+:(iam|sts)::([0-9]{12}):(root|user|role|assumed-role|federated-user)(?:/(.+))?\Z")
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}\Z")
_FORMS = {
    ("iam", "user"): Form.USER,
    ("iam", "role"): Form.ROLE,
    ("sts", "assumed-role"): Form.SESSION,
    ("sts", "federated-user"): Form.FEDERATED_USER,
}


@lru_cache(maxsize=4096)
def parse(kind: str, value: str) -> Principal:
    """The principal that `value` names under the member `kind` of a `Principal` element.

    Web identities and SAML providers reach KMS as assumed roles and canonical users are Amazon S3's, so both name
    nobody here; neither does a unique ID such as ``AROA…``, which is what is left of a deleted user or role. A form
    that none of the documents knows (part of a name as a wildcard, say) is `Form.UNKNOWN`, never guessed at.
    """
    if kind == "Service":
        return Principal(Form.SERVICE, value)
    if kind != "AWS":
        return Principal(Form.NOBODY, value)
    if value == "*":
        return Principal(Form.ANYONE, value)
    if _ACCOUNT.match(value):
        return Principal(Form.ACCOUNT, value, value)
    if _UNIQUE_ID.match(value):
        return Principal(Form.NOBODY, value)
    return from_arn(value)


@lru_cache(maxsize=4096)
def from_arn(arn: str) -> Principal:
    """The principal of an ARN; `Form.UNKNOWN` where it is none."""
    found = _ARN.match(arn)
    if not found or "*" in arn or "?" in arn:
        return Principal(Form.UNKNOWN, arn)
    service, account, kind, rest = found.groups()
    if service == "iam" and kind == "root" and rest is None:
        return Principal(Form.ACCOUNT, arn, account)
    form = _FORMS.get((service, kind))
    if form is None or not rest or (form is Form.SESSION and rest.count("/") != 1):
        return Principal(Form.UNKNOWN, arn)
    name = rest.split("/")[0] if form is Form.SESSION else rest.rsplit("/", 1)[-1]
    return Principal(form, arn, account, name)
