"""The function that the tests of the embedded AWS deploy: it writes down what reached it, and does what it is told."""

import json
import os
import time
import urllib.request
from typing import Any

import boto3
import witness

_table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    """Take an event from SQS, SNS, the Scheduler, or a direct call."""
    if "Records" not in event:
        return _take("direct", json.dumps(event), context)
    if event["Records"][0].get("EventSource") == "aws:sns":
        return _take("sns", event["Records"][0]["Sns"]["Message"], context)
    failed = [record["messageId"] for record in event["Records"] if not _try(record, context)]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _try(record: dict[str, Any], context: Any) -> bool:  # noqa: ANN401 - Lambda's own class
    if record["body"] == "fail":
        return False
    _take("sqs", record["body"], context)
    return True


def _take(source: str, body: str, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    print(json.dumps({"took": body[:80], "greeting": witness.GREETING}))  # noqa: T201 - the output is what is tested
    item = {"pk": source, "sk": f"{time.time_ns()}-{context.aws_request_id}", "body": body, "verdict": "seen"}
    _table.put_item(Item=item, ConditionExpression="attribute_not_exists(pk)")
    return _obey(json.loads(body)) if body.startswith("{") else {}


def _obey(order: dict[str, Any]) -> dict[str, Any]:
    if order.get("do") == "create-key":
        return {"arn": boto3.client("kms").create_key()["KeyMetadata"]["Arn"]}
    if order.get("do") == "post":
        url = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET"])["SecretString"]
        request = urllib.request.Request(url, data=json.dumps({"text": order["text"]}).encode())  # noqa: S310
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - the test gave the URL
            return {"status": response.status}
    return {"words": os.environ["WORDS"]} if order.get("do") == "words" else {}
