"""What on_report works with, put together: apart from the assembly, since Jinja comes with it."""

from __future__ import annotations

from kms_perimeter import assembly, perimeter
from kms_perimeter.aws import clients
from kms_perimeter.aws.ledger import Counts, Governing, Ledger, Recorded
from kms_perimeter.aws.reports import Reports
from kms_perimeter.perimeter import PerimeterFile
from kms_perimeter.planning import standpoint_of
from kms_perimeter.settings import Settings, SweepDigest
from kms_perimeter.swept import Clerk, Picture, Rules


def clerk() -> Clerk:
    """What the end of a sweep is worked on with; by the perimeter file that the keys were judged by."""
    chosen, dynamodb = assembly.settings(), clients.dynamodb()
    last_enclosed = Ledger(dynamodb, chosen.ledger_table).last_enclosed
    bucket = assembly.given("REPORTS_BUCKET", chosen.reports_bucket)
    today = assembly.now().date()
    rules = Rules(_decides(chosen), chosen.mode, standpoint_of(chosen), today, last_enclosed)
    _, partition, _, region, _, _ = chosen.alerts_topic_arn.split(":")
    return Clerk(
        picture=Picture(assembly.paced(workers=1), Recorded(dynamodb, chosen.ledger_table), rules),
        counts=Counts(dynamodb, chosen.ledger_table),
        reports=Reports(clients.s3(), bucket, chosen.guarded_account),
        topic=assembly.topic(),
        place=(partition, region),
        always=chosen.sweep_digest is SweepDigest.EVERY,
        now=assembly.now,
        docs=chosen.docs_url,
    )


def _decides(chosen: Settings) -> PerimeterFile:
    """The perimeter file: the last good version, which the guard keeps in the ledger and has judged by."""
    if not chosen.perimeter_file:
        return perimeter.simple(chosen.approved_vpc_endpoints, chosen.approved_vpcs, chosen.mode)
    kept = Governing(clients.dynamodb(), chosen.ledger_table).kept().good
    return perimeter.load(kept.text) if kept else PerimeterFile(())
