"""What is known of a finding, before it is put into a format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kms_perimeter import wording
from kms_perimeter.decision import Severity
from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ABOUT_NO_KEY = ("sweep", "digest", "perimeter-refused")
# A digest tells the verdict of each key, not the severity: the lowest that the verdict can be worth is too low.
OF_A_DIGEST = {Outcome.ESCAPES.value: Severity.HIGH, Outcome.ENCLOSED.value: Severity.INFO}


@dataclass(frozen=True, slots=True)
class Finding:
    """What an alert says of one key.

    Attributes:
        key_arn: the key.
        kind: of the alert, such as ``alert``, ``refused``, ``remediated``.
        severity: of the alert; `INFO` once the key is enclosed.
        verdict: ``enclosed``, ``escapes``, ``undecided``, ``malformed`` or ``unreadable``.
        perimeter: name of the perimeter that the key is under; empty for none.
        title: one line.
        text: the whole alert as plain text.
        told_at: when the alert was published.
        mark: the same for two deliveries of one alert.
        escapes: operations that the policy lets through, each once.
    """

    key_arn: str
    kind: str
    severity: Severity
    verdict: str
    perimeter: str
    title: str
    text: str
    told_at: datetime
    mark: str
    escapes: tuple[str, ...] = ()

    @property
    def uid(self) -> str:
        """The finding's ID: one for each key, so that a later alert updates what an earlier one opened."""
        return f"{self.key_arn}/network-perimeter"

    @property
    def closed(self) -> bool:
        """Whether the key is enclosed."""
        return self.verdict == Outcome.ENCLOSED.value

    @property
    def partition(self) -> str:
        """The partition that the key is in."""
        return self.key_arn.split(":")[1]

    @property
    def region(self) -> str:
        """The Region that the key is in."""
        return self.key_arn.split(":")[3]

    @property
    def account(self) -> str:
        """The account that the key is in."""
        return self.key_arn.split(":")[4]

    @property
    def key_id(self) -> str:
        """The key's ID."""
        return wording.key_id(self.key_arn)

    @property
    def url(self) -> str:
        """The key in AWS's console."""
        return wording.console(self.key_arn)


def findings_of(told: Mapping[str, Any], told_at: datetime) -> tuple[Finding, ...]:
    """The findings that an alert makes: one, or one for each key of a digest.

    Args:
        told: the alert as functions and queues get it: ``text``, ``data``, ``dedup_key``.
        told_at: when it was published.
    """
    data, text = told["data"], str(told["text"])
    if data["kind"] in ABOUT_NO_KEY:
        return tuple(_of_digest(told, arn, verdict, told_at) for arn, verdict in data.get("keys", {}).items())
    finding = Finding(
        key_arn=data["key"],
        kind=data["kind"],
        severity=Severity(data["severity"]),
        verdict=str(data.get("verdict", Outcome.UNDECIDED.value)),
        perimeter=data.get("perimeter") or "",
        title=text.partition("\n")[0].partition(": ")[2] or text[:100],
        text=text,
        told_at=told_at,
        mark=told["dedup_key"],
        escapes=tuple(dict.fromkeys(escape["operation"] for escape in data.get("escapes", ()))),
    )
    return (finding,)


def _of_digest(told: Mapping[str, Any], key_arn: str, verdict: str, told_at: datetime) -> Finding:
    state = "is enclosed" if verdict == Outcome.ENCLOSED.value else f"is not enclosed: {verdict}"
    title = f"{wording.key_id(key_arn)} {state}"
    return Finding(
        key_arn=key_arn,
        kind=told["data"]["kind"],
        severity=OF_A_DIGEST.get(verdict, Severity.MEDIUM),
        verdict=verdict,
        perimeter="",
        title=title,
        text=f"{title}\nTold in a digest; the ledger has the whole story.\n",
        told_at=told_at,
        mark=f"{told['dedup_key']}/{key_arn}",
    )
