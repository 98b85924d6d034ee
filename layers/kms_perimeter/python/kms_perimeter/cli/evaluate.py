"""`evaluate`: decide concrete requests under a key policy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from kms_perimeter.cli import inputs, requests
from kms_perimeter.errors import InvalidInput
from kms_perimeter.policy import document, evaluator
from kms_perimeter.policy.key import Key

if TYPE_CHECKING:
    from kms_perimeter.policy.document import KeyPolicy
    from kms_perimeter.policy.evaluator import Evaluation
    from kms_perimeter.verdict import Request

EPILOG = """\
\b
Example of a request:
  {"principal": "arn:aws:iam::111122223333:role/Orders", "action": "kms:Decrypt",
   "context": {"aws:SourceVpce": "vpce-1234abcdf5678c90a"}}

\b
Example:
  kms-perimeter evaluate policy.json --request request.json --format json

Exit status: 0 whatever the decision, 2 bad usage or input.
"""


@click.command(epilog=EPILOG)
@inputs.policy_argument
@click.option(
    "--request", "request_name", metavar="REQUEST.json", required=True, help="A request, or an array of them."
)
@inputs.format_option("text", "json")
def evaluate(policy: str, request_name: str, output: str) -> None:
    """Decide a request under a key policy, for a caller whose own IAM policy allows everything.

    REQUEST.json holds {"principal", "action", "resource"?, "context"}, or an array of such requests. A value of the
    context is a string or a list of strings. One of the two files may be `-`, standard input.
    """
    if policy == request_name == inputs.STANDARD_INPUT:
        raise click.UsageError("only one of the two files can be standard input")
    given = inputs.read_policy(policy)
    if given.fault:
        raise inputs.InputError(f"{policy}: {given.fault}")
    asked = _read_requests(request_name)
    parsed = document.parse(given.text)
    several = asked if isinstance(asked, list) else [asked]
    decided = [evaluator.evaluate(parsed, request, _key(parsed, request)) for request in several]
    if output == "json":
        printed = [_as_json(evaluation) for evaluation in decided]
        click.echo(json.dumps(printed if isinstance(asked, list) else printed[0], indent=2))
    else:
        from kms_perimeter.cli import text  # noqa: PLC0415 - rich takes its time

        text.print_evaluated(list(zip(several, decided, strict=True)))


def _read_requests(name: str) -> list[Request] | Request:
    content = inputs.read_text(name)
    try:
        return requests.load(content)
    except InvalidInput as error:
        raise inputs.InputError(f"{name}: {error}") from None


def _key(policy: KeyPolicy, request: Request) -> Key:
    """The key that the request names, or as much of it as the policy tells."""
    key = Key(account=document.account_of(policy))
    parts = (request.resource or "").split(":", 5)
    if len(parts) == len(("arn", "partition", "kms", "region", "account", "key")) and parts[5].startswith("key/"):
        _, partition, _, region, account, resource = parts
        return replace(
            key,
            partition=partition,
            region=region,
            account=account or key.account,
            key_id=resource.removeprefix("key/"),
        )
    return key


def _as_json(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "decision": evaluation.decision,
        "route": evaluation.route.value if evaluation.route else None,
        "statements": [{**ref.to_json(), "effect": effect} for ref, effect in evaluation.statements],
    }
