"""The errors of this package, all in one tree.

::

    KmsPerimeterError
    ├── InvalidInput            something that a person wrote is wrong; says where
    │   ├── MalformedPolicy     a key policy
    │   ├── MalformedPerimeter  a perimeter file
    │   └── MalformedRequest    a request for `evaluate`
    ├── MissingSetting          an environment variable is absent or unusable
    ├── NoDeployment            no stack of this service is where one was looked for
    ├── NoSuchAsk               nothing with this ID waits for an answer
    ├── AlreadyAnswered         somebody has answered it before
    ├── UnusableDay             nobody can answer for a key until this day
    ├── NothingToGoBackTo       the ledger holds no policy for a rollback
    ├── StalePlan               the key's policy has changed since the plan was made
    ├── SweepFailed             a deployment in another account or Region cannot sweep; says why
    ├── KeyIsNotSavedYet        a key's deletion was cancelled, and KMS does not show it yet
    ├── LedgerConflict          another run is at this entry or has already written it
    └── KmsRefusal              KMS says no, and trying again would not help; says why
        ├── KeyIsGone           there is no such key any more
        ├── AccessIsDenied      the service may not do this with this key
        ├── PolicyIsRefused     KMS does not take this policy
        └── MarkerIsInvalid     KMS does not know (any more) where a list of keys was to go on

Messages are lower case, have no final period and put what the user wrote in backticks.
"""

from __future__ import annotations


class KmsPerimeterError(Exception):
    """Anything that this package refuses to do, with the reason as its message."""


class InvalidInput(KmsPerimeterError):
    """Input that cannot be understood, and the place in it.

    Attributes:
        message: what is wrong, without the place.
        path: the place as a path, such as ``Statement[1].Condition.StringEquals``; empty for the whole document.
        line: 1-based line in the text, where it is known.
        column: 1-based column in the text, where it is known.
    """

    def __init__(self, message: str, *, path: str = "", line: int | None = None, column: int | None = None) -> None:
        self.message = message
        self.path = path
        self.line = line
        self.column = column
        super().__init__(str(self))

    def __str__(self) -> str:
        place = [self.path] if self.path else []
        if self.line is not None:
            place.append(f"line {self.line}, column {self.column}")
        return f"{': '.join([', '.join(place), self.message])}" if place else self.message


class MalformedPolicy(InvalidInput):
    """A key policy that is not one: not JSON, an unknown element, a wrong type."""


class MalformedPerimeter(InvalidInput):
    """A perimeter file that says something impossible or misspells it."""


class MalformedRequest(InvalidInput):
    """A request for `evaluate` that lacks a part or has one of the wrong type."""


class MissingSetting(KmsPerimeterError):
    """An environment variable that the function needs is absent or unusable; names it."""


class NoDeployment(KmsPerimeterError):
    """There is no stack of this name in the account and Region, or it is none of this service, or lacks a part."""


class NoSuchAsk(KmsPerimeterError):
    """No question of this ID waits for an answer: it was mistyped, or belongs to another account or Region."""


class AlreadyAnswered(KmsPerimeterError):
    """Somebody has answered the question before, and an answer is final."""


class UnusableDay(KmsPerimeterError):
    """The day until which somebody wants to answer for a key is past, or too far away."""


class NothingToGoBackTo(KmsPerimeterError):
    """The ledger knows no remediation of the key, or the entry that was named holds no policy."""


class StalePlan(KmsPerimeterError):
    """The key's policy has changed since the plan was made; a new plan must be asked about."""


class SweepFailed(KmsPerimeterError):
    """The deployment in another account or Region ended a sweep with an error; names it."""


class KeyIsNotSavedYet(KmsPerimeterError):
    """Somebody has just cancelled a key's deletion, and KMS does not show it everywhere yet; to be looked at again."""


class LedgerConflict(KmsPerimeterError):
    """Another run of the same work was first: it has written this entry, or is about to."""


class LedgerIsBusy(KmsPerimeterError):
    """DynamoDB left items of a batch unread, again and again; what was not read must not be taken for not there."""


class KmsRefusal(KmsPerimeterError):
    """KMS refuses a call for a reason that a retry does not cure.

    Attributes:
        code: the error code of the AWS API, such as ``AccessDeniedException``.
        message: what KMS says.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


class KeyIsGone(KmsRefusal):
    """The key does not exist (any more)."""


class AccessIsDenied(KmsRefusal):
    """The key policy or an IAM policy keeps the service out."""


class PolicyIsRefused(KmsRefusal):
    """KMS does not take the policy: malformed, too long, a lockout, or a key in a state that forbids it."""


class MarkerIsInvalid(KmsRefusal):
    """The marker at which a list of keys was to go on is none, or has grown too old."""
