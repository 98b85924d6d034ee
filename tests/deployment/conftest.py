"""What the tests of the deployment share: the template as it is, and as `sam build` leaves it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.decode import decode  # type: ignore[import-untyped]

from local.deploy import build
from local.embedded import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """template.yaml, with its intrinsic functions in their long form."""
    decoded, problems = decode(str(REPOSITORY / "template.yaml"))
    assert not problems
    whole: dict[str, Any] = json.loads(json.dumps(decoded))
    return whole


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what `sam build` makes of the template."""
    return build(REPOSITORY / "template.yaml", into=tmp_path_factory.mktemp("sam") / "build").parent


@pytest.fixture(scope="session")
def layer(built: Path) -> Path:
    """The built layer's `python/`, which Lambda puts on the path."""
    return built / "KmsPerimeterLayer" / "python"
