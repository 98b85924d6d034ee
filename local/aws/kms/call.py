"""One call of the KMS API, and the answer that refuses it."""

from dataclasses import dataclass
from typing import Any

from local.aws.caller import Caller
from local.aws.emulator import Scope
from local.aws.http import Answer


@dataclass(frozen=True)
class Call:
    """A call of the KMS API.

    Attributes:
        operation: The API's own name, `PutKeyPolicy` for example.
        parameters: As the caller sent them.
        caller: Who calls, and from where.
        scope: The account and the Region that are called.
        request_id: What AWS calls this request.
    """

    operation: str
    parameters: dict[str, Any]
    caller: Caller
    scope: Scope
    request_id: str


@dataclass(frozen=True)
class Refusal:
    """Why AWS would not do it.

    Attributes:
        code: The exception's name in the KMS API reference.
        message: For people. Only the code is a contract; where AWS's wording is not published, it is ours.
    """

    code: str
    message: str

    def as_answer(self) -> Answer:
        """The HTTP response that an AWS client turns into the exception."""
        return Answer(400, {"__type": self.code, "message": self.message})
