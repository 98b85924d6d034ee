"""Security Hub: findings, imported as those of this account's own product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kms_perimeter.aws.queues import batches
from kms_perimeter.errors import KmsPerimeterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_securityhub import SecurityHubClient

FINDINGS_PER_CALL = 100  # the most that BatchImportFindings takes


class NotAllWereImported(KmsPerimeterError):
    """Security Hub took some findings and refused others; which and why, says the message."""


class SecurityHub:
    """Security Hub of this account and Region."""

    def __init__(self, client: SecurityHubClient) -> None:
        self._client = client

    def import_all(self, findings: Iterable[Mapping[str, Any]]) -> None:
        """Imports findings in the AWS Security Finding Format; one that is there already is updated.

        Raises:
            NotAllWereImported: Security Hub refused some. Importing all of them again does no harm.
            ClientError: Security Hub is not enabled (``InvalidAccessException``), or throttles.
        """
        for few in batches(findings, FINDINGS_PER_CALL):
            answer = self._client.batch_import_findings(Findings=list(few))  # type: ignore[arg-type]
            if refused := answer.get("FailedFindings"):
                why = f"{refused[0]['ErrorCode']}: {refused[0]['ErrorMessage']}"
                raise NotAllWereImported(f"{len(refused)} of {len(few)} findings: {why}")
