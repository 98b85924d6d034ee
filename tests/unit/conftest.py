"""What the unit tests share."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from tests.unit.account import Account
from tests.unit.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def account() -> Iterator[Account]:
    """A guarded account in memory."""
    with mock_aws():
        yield Account.make()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A shell with credentials and a Region, in an empty folder."""
    with mock_aws(), contextlib.chdir(tmp_path):
        yield Terminal()
