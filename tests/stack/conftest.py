"""The service as deployed by the real `sam`, once for all tests of this folder (once per worker under xdist)."""

from collections.abc import Iterator

import pytest

from local.stage import Stage, deployed


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The service in the mode `enforce`. Each test makes its own keys."""
    with deployed("enforce") as running:
        yield running


@pytest.fixture(scope="session")
def watching() -> Iterator[Stage]:
    """The service in the mode `alert`, on an AWS of its own."""
    with deployed("alert") as running:
        yield running


@pytest.fixture(scope="session")
def asking() -> Iterator[Stage]:
    """The service in the mode `approve`, with buttons in Slack, on an AWS of its own."""
    with deployed("approve") as running:
        yield running
