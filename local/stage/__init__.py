"""The stage: the service as deployed on the embedded AWS, and everything through which one can watch it.

`make demo` plays its day on it and the whole-stack tests act on it, so there is one way to deploy.

with deployed() as stage:
    key = stage.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    stage.alerts.wait_for(about(key, "remediated"), "the alert that the key is closed")
"""

from local.stage.inbox import Alert, Inbox, Record, about, call_of, put_by
from local.stage.journal import Journal, Line
from local.stage.patience import TookTooLong
from local.stage.stage import ENDPOINT, Stage, deployed

__all__ = [
    "ENDPOINT",
    "Alert",
    "Inbox",
    "Journal",
    "Line",
    "Record",
    "Stage",
    "TookTooLong",
    "about",
    "call_of",
    "deployed",
    "put_by",
]
