"""The one place that knows the names of environment variables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from kms_perimeter.errors import MissingSetting
from kms_perimeter.perimeter import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

Word = TypeVar("Word", bound=StrEnum)


class SweepDigest(StrEnum):
    """Of which sweeps people are told."""

    NEWS = "news"
    EVERY = "every"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the deployment decided. template.yaml sets each of these, and nothing else.

    Attributes:
        approved_vpc_endpoints: for the simple deployment.
        approved_vpcs: for the simple deployment.
        perimeter_file: name of the parameter with the perimeter file, or None for the simple deployment.
        mode: the most that the service may do; a perimeter may ask for less.
        contested_after: remediations within the window after which a key is left alone.
        contested_window: the window.
        guarded_account: the account whose keys are watched.
        guard_role_arn: the role that changes policies, or None where remediation is not deployed.
        guard_vpc_id: the VPC that keys are read and changed from, or None where that is outside every VPC.
        guard_vpc_endpoint_id: the endpoint for KMS in that VPC; given where the VPC is.
        changes_queue_url: where changed and swept keys wait.
        remediations_queue_url: where keys to be fixed wait, or None where remediation is not deployed.
        digest_queue_url: where notices wait for the digest.
        most_alerts: so many messages within five minutes are published each by itself.
        alerts_topic_arn: where alerts go.
        ledger_table: name of the ledger.
        slack_webhook_secret_arn: the secret with the webhook's URL, or None without Slack.
        slack_signing_secret_arn: the secret that Slack signs clicks with, or None where questions have no buttons.
        slack_approvers: IDs of the people in Slack who may answer questions.
        slack_team_id: the only workspace that they may be of, or None for any that the app is installed in.
        slack_origin: scheme and host of every address that Slack wants replies at.
        answers_queue_url: where clicks wait, or None where questions have no buttons.
        sweeps_queue_url: where sweeps wait that are to begin or to go on.
        sweep_quota_share: percent of KMS's request quotas that looking at keys may use.
        sweep_workers: how many functions look at keys side by side, at most.
        security_hub: whether findings go to Security Hub too.
        docs_url: where docs/ of this repository is published for whoever reads alerts; empty where it is not.
        reports_bucket: where the report on each sweep is kept, or None where none is written.
        sweep_digest: whether people are told of every sweep, or of the first of a day and of those with news.
    """

    approved_vpc_endpoints: tuple[str, ...]
    approved_vpcs: tuple[str, ...]
    perimeter_file: str | None
    mode: Mode
    contested_after: int
    contested_window: timedelta
    guarded_account: str
    guard_role_arn: str | None
    guard_vpc_id: str | None
    guard_vpc_endpoint_id: str | None
    changes_queue_url: str
    remediations_queue_url: str | None
    digest_queue_url: str
    most_alerts: int
    alerts_topic_arn: str
    ledger_table: str
    slack_webhook_secret_arn: str | None
    slack_signing_secret_arn: str | None
    slack_approvers: tuple[str, ...]
    slack_team_id: str | None
    slack_origin: str
    answers_queue_url: str | None
    sweeps_queue_url: str
    sweep_quota_share: int
    sweep_workers: int
    security_hub: bool
    docs_url: str
    reports_bucket: str | None
    sweep_digest: SweepDigest

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """All settings, or none.

        Raises:
            MissingSetting: a variable is absent, empty where it must not be, or unusable.
        """
        vpc, endpoint = _place(environ)
        return cls(
            approved_vpc_endpoints=_list(environ, "APPROVED_VPC_ENDPOINTS"),
            approved_vpcs=_list(environ, "APPROVED_VPCS"),
            perimeter_file=_text(environ, "PERIMETER_FILE") or None,
            mode=_one_of(environ, "MODE", Mode),
            contested_after=_number(environ, "CONTESTED_AFTER"),
            contested_window=timedelta(minutes=_number(environ, "CONTESTED_WINDOW_MINUTES")),
            guarded_account=_needed(environ, "GUARDED_ACCOUNT"),
            guard_role_arn=_text(environ, "GUARD_ROLE_ARN") or None,
            guard_vpc_id=vpc,
            guard_vpc_endpoint_id=endpoint,
            changes_queue_url=_needed(environ, "CHANGES_QUEUE_URL"),
            remediations_queue_url=_text(environ, "REMEDIATIONS_QUEUE_URL") or None,
            digest_queue_url=_needed(environ, "DIGEST_QUEUE_URL"),
            most_alerts=_number(environ, "MOST_ALERTS"),
            alerts_topic_arn=_needed(environ, "ALERTS_TOPIC_ARN"),
            ledger_table=_needed(environ, "LEDGER_TABLE"),
            slack_webhook_secret_arn=_text(environ, "SLACK_WEBHOOK_SECRET_ARN") or None,
            slack_signing_secret_arn=_text(environ, "SLACK_SIGNING_SECRET_ARN") or None,
            slack_approvers=_list(environ, "SLACK_APPROVERS"),
            slack_team_id=_text(environ, "SLACK_TEAM_ID") or None,
            slack_origin=_needed(environ, "SLACK_ORIGIN"),
            answers_queue_url=_text(environ, "ANSWERS_QUEUE_URL") or None,
            sweeps_queue_url=_needed(environ, "SWEEPS_QUEUE_URL"),
            sweep_quota_share=_number(environ, "SWEEP_QUOTA_SHARE"),
            sweep_workers=_number(environ, "SWEEP_WORKERS"),
            security_hub=_needed(environ, "SECURITY_HUB") == "true",
            docs_url=_text(environ, "DOCS_URL"),
            reports_bucket=_text(environ, "REPORTS_BUCKET") or None,
            sweep_digest=_one_of(environ, "SWEEP_DIGEST", SweepDigest),
        )


def _text(environ: Mapping[str, str], name: str) -> str:
    if name not in environ:
        raise MissingSetting(f"the environment variable `{name}` is not set")
    return environ[name].strip()


def _needed(environ: Mapping[str, str], name: str) -> str:
    if text := _text(environ, name):
        return text
    raise MissingSetting(f"the environment variable `{name}` is empty")


def _place(environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The guard's VPC and its endpoint there: a request carries its VPC only if it goes through an endpoint."""
    vpc, endpoint = _text(environ, "GUARD_VPC_ID") or None, _text(environ, "GUARD_VPC_ENDPOINT_ID") or None
    if (vpc is None) is not (endpoint is None):
        raise MissingSetting("of `GUARD_VPC_ID` and `GUARD_VPC_ENDPOINT_ID` one is set and the other is empty")
    return vpc, endpoint


def _list(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part for word in _text(environ, name).split(",") if (part := word.strip()))


def _number(environ: Mapping[str, str], name: str) -> int:
    text = _needed(environ, name)
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise MissingSetting(f"the environment variable `{name}` must be a number from 1 up: `{text}`")


def _one_of(environ: Mapping[str, str], name: str, words: type[Word]) -> Word:
    text = _needed(environ, name)
    try:
        return words(text)
    except ValueError:
        known = ", ".join(word.value for word in words)
        raise MissingSetting(f"the environment variable `{name}` must be one of {known}: `{text}`") from None
