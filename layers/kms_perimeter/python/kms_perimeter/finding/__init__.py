"""Findings: what an alert says of a key, for Security Hub (ASFF) and for event buses (OCSF).

There is one finding for each key. An alert opens it, further ones update it, and it is closed when the key is enclosed.
"""

from kms_perimeter.finding.asff import asff
from kms_perimeter.finding.model import Finding, findings_of
from kms_perimeter.finding.ocsf import DETAIL_TYPE, SOURCE, event, ocsf

__all__ = ["DETAIL_TYPE", "SOURCE", "Finding", "asff", "event", "findings_of", "ocsf"]
