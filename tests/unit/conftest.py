"""What the unit tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from tests.unit.account import Account

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def account() -> Iterator[Account]:
    """A guarded account in memory."""
    with mock_aws():
        yield Account.make()
