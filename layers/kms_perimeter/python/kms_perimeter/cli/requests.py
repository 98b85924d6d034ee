"""Requests for `evaluate`, from JSON."""

from __future__ import annotations

import re

from kms_perimeter import reading
from kms_perimeter.errors import MalformedRequest
from kms_perimeter.policy import jsontext
from kms_perimeter.reading import Place
from kms_perimeter.verdict import Request

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_PRINCIPAL = re.compile(r"arn:[^:]+:(iam|sts):[^:]*:[0-9]{12}:.+|[a-z0-9-]+(\.[a-z0-9-]+)+")
_RESOURCE = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+")


def load(text: str) -> list[Request] | Request:
    """One request, or several from a JSON array.

    Raises:
        MalformedRequest: with line and column, and a path such as ``[1].context.aws:SourceIp``.
    """
    document = reading.parse(text, MalformedRequest)
    try:
        place = Place(document, MalformedRequest)
        return [_request(item) for item in place.items()] if isinstance(document, list) else _request(place)
    except MalformedRequest as error:
        line, column = jsontext.place_of(text, error.path) or (1, 1)
        raise MalformedRequest(error.message, path=error.path, line=line, column=column) from None


def _request(place: Place) -> Request:
    members = place.members(("principal", "action", "resource", "context"), required=("principal", "action"))
    has_resource = "resource" in members and members["resource"].value is not None
    return Request(
        principal=members["principal"].like(_PRINCIPAL, "the ARN of a principal or the name of a service principal"),
        action=members["action"].like(_ACTION, "an action (such as `kms:Decrypt`)"),
        resource=members["resource"].like(_RESOURCE, "an ARN") if has_resource else None,
        context=_context(members["context"]) if "context" in members else {},
    )


def _context(place: Place) -> dict[str, str | tuple[str, ...]]:
    read: dict[str, str | tuple[str, ...]] = {}
    seen: set[str] = set()
    for name, value in place.mapping().items():
        if name.lower() in seen:  # the names of condition keys are not case-sensitive
            value.refuse("given twice: the names of condition keys are not case-sensitive")
        seen.add(name.lower())
        read[name] = tuple(map(_string, value.items())) if isinstance(value.value, list) else _string(value)
    return read


def _string(place: Place) -> str:
    if not isinstance(place.value, str):
        place.refuse("must be a string or a list of strings")
    return place.value
