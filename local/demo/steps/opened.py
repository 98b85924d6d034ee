"""Two ways in which a key comes to be open, and how the guard closes both."""

import time

from kms_perimeter.aws.ledger import Kind
from local.demo.cast import AT_HOME, CONTRACTOR, DEVELOPER, IN_A_CAFE, PLATFORM_TEAM, policy
from local.demo.day import Day
from local.stage import ENDPOINT, about


def a_key_is_created_open(day: Day) -> None:
    """A developer creates a key and gives no policy, so it gets the default one."""
    stage, screen = day.stage, day.screen
    screen.say("A developer creates a key from home, without a policy: AWS gives it the default one.")
    developer = stage.aws.client("kms", identity=DEVELOPER, source_ip=AT_HOME)
    start = time.monotonic()
    screen.call(DEVELOPER, 'CreateKey(Description="orders")')
    key = day.keys["orders"] = developer.create_key(Description="orders")["KeyMetadata"]["Arn"]
    alert = day.told(key)
    screen.alert(alert.text)
    day.expect_explained(alert, who=DEVELOPER, address=AT_HOME, statement="Enable IAM User Permissions")
    day.expect_closed(key, start)
    saved = [entry.facts["before"] for entry in stage.ledger.entries(key) if entry.kind is Kind.PLANNED]
    kept = len(saved) == 1 and "key-default-1" in saved[0]
    screen.expect("the policy that was replaced is in the ledger", kept, saved)
    day.fates["orders"] = "created open; closed by the guard"


def an_enclosed_key_is_opened(day: Day) -> None:
    """A key that was right from the start is opened to a stranger's account."""
    key = _a_key_is_created_enclosed(day)
    day.screen.say("Somebody lets a partner decrypt with it, and with one condition more the Deny spares the partner.")
    contractor = day.stage.aws.client("kms", identity=CONTRACTOR, source_ip=IN_A_CAFE)
    start = time.monotonic()
    day.screen.call(CONTRACTOR, "PutKeyPolicy(exports, open_to_a_partner.json)")
    contractor.put_key_policy(KeyId=key, Policy=policy("open_to_a_partner"))
    alert = day.told(key)
    day.screen.alert(alert.text, ("What is open", "Who did it", "What the guard does"))
    severity = alert.data["severity"]
    day.screen.expect("it is critical, since a stranger could decrypt", severity == "critical", severity)
    day.expect_explained(alert, who=CONTRACTOR, address=IN_A_CAFE, statement="PartnerReadsOurExports")
    day.expect_closed(key, start)
    day.fates["exports"] = "opened to a partner; closed by the guard"


def _a_key_is_created_enclosed(day: Day) -> str:
    stage, screen = day.stage, day.screen
    screen.say("The platform team creates a key that can be used only through the approved endpoint.")
    team = stage.aws.client("kms", identity=PLATFORM_TEAM, vpc_endpoint=ENDPOINT)
    screen.call(PLATFORM_TEAM, 'CreateKey(Description="exports", Policy=enclosed.json)')
    key: str = team.create_key(Description="exports", Policy=policy("enclosed"))["KeyMetadata"]["Arn"]
    day.keys["exports"] = key
    line = stage.journal.wait_for("the look at the enclosed key", key=key)
    silent = line.done == "ignore" and not stage.alerts.those(about(key))
    screen.expect("the service has looked at it and says nothing", silent, line)
    return key
