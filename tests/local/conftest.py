"""The embedded AWS and the probe's stack, started once for all tests of this folder (once per worker under xdist)."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import deploy as sam
from local.embedded import EmbeddedAws
from local.slack import Webhook
from tests.local.probe_stack import Probe

_PROBE = Path(__file__).parent / "probe"


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """A running AWS with nothing in it."""
    with EmbeddedAws() as running:
        yield running


@pytest.fixture(scope="session")
def slack() -> Iterator[Webhook]:
    """A Slack webhook that the probe's function posts to."""
    with Webhook() as webhook:
        yield webhook


@pytest.fixture(scope="session")
def probe(slack: Webhook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    """The probe's template, deployed by the real `sam`, onto an AWS of its own."""
    folder = tmp_path_factory.mktemp("probe")
    shutil.copytree(_PROBE, folder / "source")
    built = sam.build(folder / "source" / "template.yaml", into=folder / "build")
    with EmbeddedAws() as running:
        outputs = sam.deploy(running, built, stack="probe", parameters={"WebhookUrl": slack.url, "Words": 'a "b" c=d'})
        yield Probe(running, outputs)
