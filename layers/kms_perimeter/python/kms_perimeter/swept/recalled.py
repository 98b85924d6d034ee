"""What was written into the ledger as JSON, as the objects that it was made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kms_perimeter.policy.advisories import Code
from kms_perimeter.policy.key import DEFAULT_SPEC, DEFAULT_USAGE, Key
from kms_perimeter.verdict import Advisory, Escape, Outcome, Request, Route, StatementRef, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kms_perimeter.aws.ledger import Entry


def verdict_in(entry: Entry) -> Verdict:
    """The verdict that an entry holds: what `Verdict.to_json` made of it, read back."""
    told = json.loads(entry.facts["verdict"])
    return Verdict(
        Outcome(told["verdict"]),
        told["perimeter"],
        told["key_usage"],
        tuple(map(_escape, told["escapes"])),
        tuple(map(_advisory, told["advisories"])),
        told["reason"],
    )


def key_in(entry: Entry, usage: str) -> Key:
    """The key as it was judged; an entry from before that was recorded leaves its spec and its tags open."""
    _, partition, _, region, account, resource = entry.key_arn.split(":", 5)
    known = json.loads(entry.facts.get("judged_as", "{}"))
    return Key(
        account=account,
        region=region,
        key_id=resource.rsplit("/", 1)[-1],
        usage=usage or DEFAULT_USAGE,
        spec=known.get("spec", DEFAULT_SPEC),
        tags=known.get("tags"),
        partition=partition,
    )


def _escape(told: Mapping[str, Any]) -> Escape:
    grant = told.get("grant")
    return Escape(
        told["operation"],
        told["rule"],
        Route(told["route"]),
        _statement(told["statement"]),
        _request(told["request"]),
        told["why"],
        _request(grant) if grant else None,
    )


def _advisory(told: Mapping[str, Any]) -> Advisory:
    about = told["statement"]
    return Advisory(Code(told["code"]), _statement(about) if about else None, told["message"])


def _statement(told: Mapping[str, Any]) -> StatementRef:
    return StatementRef(told["index"], told["sid"])


def _request(told: Mapping[str, Any]) -> Request:
    context = {name: tuple(value) if isinstance(value, list) else value for name, value in told["context"].items()}
    return Request(told["principal"], told["action"], told["resource"], context)
