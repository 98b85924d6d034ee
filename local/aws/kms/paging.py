"""Pages of lists: ministack gives the whole list and ignores `Limit` and `Marker`.

[API reference] ListKeys: 100 keys a page, at most 1,000. ListAliases: 50, at most 100. ListResourceTags: 50, at most
50. ListGrants pages in ministack itself.
"""

from dataclasses import dataclass
from typing import Any

from local.aws.http import Answer
from local.aws.kms.call import Call, Refusal


@dataclass(frozen=True)
class _List:
    field: str
    usual: int
    most: int


_LISTS = {
    "ListKeys": _List("Keys", 100, 1000),
    "ListAliases": _List("Aliases", 50, 100),
    "ListResourceTags": _List("Tags", 50, 50),
}
_EVERYTHING = 1_000_000


def fetch_all(call: Call) -> dict[str, Any]:
    """The parameters to ask ministack with: for a list, the whole of it."""
    if call.operation not in _LISTS:
        return call.parameters
    return {**call.parameters, "Limit": _EVERYTHING, "Marker": None}


def page(call: Call, answer: Answer) -> Answer:
    """Cut the whole list down to the page that was asked for."""
    wanted = _LISTS.get(call.operation)
    if wanted is None or not answer.succeeded:
        return answer
    return _cut(wanted, call.parameters, answer.body[wanted.field])


def refuse_page(call: Call) -> Refusal | None:
    """`ValidationException` for a size out of bounds, `InvalidMarkerException` for a marker that KMS never gave."""
    wanted = _LISTS.get(call.operation)
    if wanted is None:
        return None
    limit, marker = call.parameters.get("Limit"), call.parameters.get("Marker")
    if limit is not None and not 1 <= limit <= wanted.most:
        return Refusal("ValidationException", f"Limit must be from 1 to {wanted.most}, not {limit}")
    if marker is not None and not marker.isdecimal():
        return Refusal("InvalidMarkerException", f"Could not deserialize marker '{marker}'")
    return None


def _cut(wanted: _List, parameters: dict[str, Any], everything: list[Any]) -> Answer:
    start = int(parameters.get("Marker") or 0)
    end = start + (parameters.get("Limit") or wanted.usual)
    body: dict[str, Any] = {wanted.field: everything[start:end], "Truncated": end < len(everything)}
    if body["Truncated"]:
        body["NextMarker"] = str(end)
    return Answer(200, body)
