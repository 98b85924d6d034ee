"""Where the real adapters are chosen: the parts of a function, put together once for each execution environment."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from functools import cache

from kms_perimeter import perimeter, sweep
from kms_perimeter.approval import Desk
from kms_perimeter.aws import clients, parameters, secrets
from kms_perimeter.aws.bus import Bus
from kms_perimeter.aws.kms import Keys
from kms_perimeter.aws.ledger import Asks, Governing, Ledger, Sweeps
from kms_perimeter.aws.pace import pace
from kms_perimeter.aws.queues import Queue
from kms_perimeter.aws.securityhub import SecurityHub
from kms_perimeter.aws.topic import Topic
from kms_perimeter.errors import MissingSetting
from kms_perimeter.evidence import Guard
from kms_perimeter.governing import InForce, in_force
from kms_perimeter.outlet import Outlet
from kms_perimeter.settings import Settings
from kms_perimeter.sweep import Lister

PERIMETER_FILE_LASTS = timedelta(minutes=5)  # a new perimeter file takes effect within this, without a deployment
SECRET_LASTS = timedelta(minutes=5)  # likewise a new signing secret, or a new webhook


@cache
def settings() -> Settings:
    """The settings of this function."""
    return Settings.from_environ(os.environ)


def guard() -> Guard:
    """The guard, with the perimeter file as it is now, give or take `PERIMETER_FILE_LASTS`."""
    return _guard(int(time.time() / PERIMETER_FILE_LASTS.total_seconds()))


def changes_queue() -> Queue:
    """The queue that changed and swept keys go through."""
    return Queue(clients.sqs(), settings().changes_queue_url)


def topic() -> Topic:
    """The topic for alerts."""
    return Topic(clients.sns(), settings().alerts_topic_arn)


@cache
def keys() -> Keys:
    """The keys of this account and Region, for one of the functions that look at them side by side."""
    return paced(settings().sweep_workers)


@cache
def lister() -> Lister:
    """The lister of a sweep; there is one at work at a time."""
    chosen = settings()
    return Lister(
        keys=paced(workers=1),
        sweeps=Sweeps(clients.dynamodb(), chosen.ledger_table),
        changes=changes_queue(),
        later=Queue(clients.sqs(), chosen.sweeps_queue_url),
        rate=sweep.keys_per_second(chosen.sweep_quota_share, with_aliases=chosen.perimeter_file is not None),
        now=now,
    )


def webhook() -> str:
    """The URL of the Slack webhook, as it is now, give or take `SECRET_LASTS`."""
    return _webhook(_period())


def signing_secret() -> str:
    """What Slack signs clicks with, as it is now, give or take `SECRET_LASTS`."""
    return _signing_secret(_period())


@cache
def bus() -> Bus:
    """The account's default event bus."""
    return Bus(clients.events())


@cache
def security_hub() -> SecurityHub:
    """Security Hub of this account and Region."""
    return SecurityHub(clients.securityhub())


def answers_queue() -> Queue:
    """The queue that clicks in Slack go through."""
    return Queue(clients.sqs(), given("ANSWERS_QUEUE_URL", settings().answers_queue_url))


@cache
def desk() -> Desk:
    """What answers are worked on with."""
    chosen = settings()
    return Desk(
        asks=Asks(clients.dynamodb(), chosen.ledger_table),
        ledger=Ledger(clients.dynamodb(), chosen.ledger_table),
        keys=keys(),
        remediations=Queue(clients.sqs(), given("REMEDIATIONS_QUEUE_URL", chosen.remediations_queue_url)),
        changes=changes_queue(),
        now=lambda: datetime.now(UTC),
    )


def _period() -> int:
    return int(time.time() / SECRET_LASTS.total_seconds())


@cache
def _webhook(period: int) -> str:  # noqa: ARG001 - the period is what the cache goes by
    return secrets.read(
        clients.secretsmanager(), given("SLACK_WEBHOOK_SECRET_ARN", settings().slack_webhook_secret_arn)
    )


@cache
def _signing_secret(period: int) -> str:  # noqa: ARG001 - the period is what the cache goes by
    return secrets.read(
        clients.secretsmanager(), given("SLACK_SIGNING_SECRET_ARN", settings().slack_signing_secret_arn)
    )


def given(name: str, value: str | None) -> str:
    """A setting that this function cannot do without.

    Raises:
        MissingSetting: it is empty.
    """
    if value:
        return value
    raise MissingSetting(f"the environment variable `{name}` is empty")


@cache
def _guard(period: int) -> Guard:  # noqa: ARG001 - the period is what the cache goes by
    chosen = settings()
    url = chosen.remediations_queue_url
    ledger = Ledger(clients.dynamodb(), chosen.ledger_table)
    alerts = Outlet(topic(), Queue(clients.sqs(), chosen.digest_queue_url), ledger, chosen.most_alerts, now)
    decides = _in_force(chosen, alerts)
    return Guard(
        settings=chosen,
        perimeters=decides.file,
        perimeter_version=decides.version,
        keys=keys(),
        ledger=ledger,
        asks=Asks(clients.dynamodb(), chosen.ledger_table),
        alerts=alerts,
        remediations=Queue(clients.sqs(), url) if url else None,
        now=now,
        pause=time.sleep,
        changes=changes_queue(),
    )


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def paced(workers: int) -> Keys:
    """The keys, for one of so many that share what may be asked of KMS."""
    client = clients.kms()
    pace(client, sweep.rates(settings().sweep_quota_share, workers))
    return Keys(client)


def _in_force(chosen: Settings, alerts: Outlet) -> InForce:
    if not chosen.perimeter_file:
        return InForce(perimeter.simple(chosen.approved_vpc_endpoints, chosen.approved_vpcs, chosen.mode))
    newest = parameters.read(clients.ssm(), chosen.perimeter_file)
    return in_force(newest, Governing(clients.dynamodb(), chosen.ledger_table), alerts, chosen.perimeter_file)
