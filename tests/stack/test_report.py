"""A sweep is followed by a report in S3 and by one message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kms_perimeter.aws.ledger import Count, Counts
from kms_perimeter.fleet import Standing
from local.stage import Stage, about
from tests.report.browser import Opened
from tests.report.conftest import chromium  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from local.stage.inbox import Alert

pytestmark = pytest.mark.stack
DAYS = 5


def counted_before(stage: Stage) -> None:
    """The ledger has the counts of the days before."""
    counts, now = Counts(stage.aws.client("dynamodb"), stage.outputs["LedgerTable"]), datetime.now(UTC)
    for ago in range(1, DAYS + 1):
        open_then = {Standing.OPEN: ago, Standing.ENCLOSED: 20 - ago}
        at = now - timedelta(days=ago)
        counts.keep(Count(f"{ago} days ago", at, open_then, {"default": open_then}), [])


def swept(stage: Stage, key: str) -> Alert:
    """A sweep that finds the key open, up to the message about it; nobody waits for the minute after its last key."""
    name = f"report-{key[-12:]}"
    order = {"QueueUrl": stage.outputs["SweepsQueueUrl"], "MessageBody": f'{{"sweep": "{name}"}}'}
    stage.aws.client("sqs").send_message(**order)
    stage.alerts.wait_for(about(key), "the alert about the key that the sweep found")
    stage.aws.client("sqs").send_message(**order)
    return stage.alerts.wait_for(lambda alert: alert.data.get("sweep") == name, "the message about the sweep")


def test_a_sweep_ends_with_a_report_and_one_message(watching: Stage, chromium: Browser, tmp_path: Path) -> None:  # noqa: F811
    """The report is in the bucket and opens in a browser, with a chart of the days that the ledger has."""
    counted_before(watching)
    kms = watching.aws.client("kms", loses_events=True)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/reported", TargetKeyId=key)

    told = swept(watching, key)

    assert f"alias/reported ({key})" in told.text
    assert told.data["report"]["console"] in told.text
    watching.slack_about(key, 2)
    place = told.data["report"]
    kept: Any = watching.aws.client("s3").get_object(Bucket=place["bucket"], Key=place["name"])
    assert kept["ContentType"] == "text/html; charset=utf-8"
    (page := tmp_path / "report.html").write_bytes(kept["Body"].read())
    shown = Opened(chromium.new_context(offline=True).new_page())
    shown.page.on("console", lambda message: shown.complaints.append(message.text))
    shown.page.goto(page.as_uri())
    shown.expand("alias/reported")
    assert "KmsPerimeterGuard" in shown.page.locator(".more .diff").inner_text()
    assert shown.page.locator("#chart .drawn-open.ct-point").count() == DAYS + 1
    assert shown.complaints == []
