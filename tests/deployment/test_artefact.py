"""What `sam build` makes: as little as possible, for Lambda's platform, and the same every time."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.deploy import build
from local.embedded import REPOSITORY

MEGABYTE = 1_000_000

pytestmark = pytest.mark.stack


def digest(folder: Path) -> str:
    """A digest of all files of a folder, by name and content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts = (f"{path.relative_to(folder)}:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def test_the_layer_holds_what_functions_import_and_no_more(layer: Path) -> None:
    """Lambda brings boto3 along; a second one in the layer would shadow it and cost a second of every cold start."""
    held = {path.name for path in layer.iterdir() if not path.name.endswith(".dist-info")}

    assert {"kms_perimeter", "aws_lambda_powertools", "jmespath"} <= held
    assert not held & {"boto3", "botocore", "aws_xray_sdk", "pydantic", "python", "bin", "tests"}
    assert not (layer / "kms_perimeter" / "cli").exists()
    assert sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) < 14 * MEGABYTE


def test_the_layer_holds_nothing_that_is_compiled_for_a_processor(layer: Path) -> None:
    """Pure Python runs on arm64 whatever machine has built it."""
    assert list(layer.rglob("*.so")) == []


def test_the_same_sources_make_the_same_layer(layer: Path, tmp_path: Path) -> None:
    """A layer that is built again is not deployed again."""
    again = build(REPOSITORY / "template.yaml", into=tmp_path / "again" / "build").parent

    assert digest(again / "KmsPerimeterLayer" / "python") == digest(layer)


def test_the_byte_code_is_the_runtimes_own(layer: Path, template: dict[str, Any]) -> None:
    """Byte code of another Python would be of no use, and one that is checked by time would be thrown away."""
    runtime = template["Globals"]["Function"]["Runtime"]
    at_hand = shutil.which(runtime) and subprocess.run([runtime, "-c", ""], capture_output=True, check=False)
    if not at_hand or at_hand.returncode:
        pytest.skip(f"{runtime} is not at hand, so the layer is built without byte code")
    tag = runtime.replace("python3.", "cpython-3")
    compiled = list(layer.rglob("*.pyc"))

    assert (layer / "kms_perimeter" / "__pycache__" / f"guard.{tag}.pyc") in compiled
    assert {path.suffixes[0] for path in compiled if path.is_relative_to(layer / "kms_perimeter")} == {f".{tag}"}
    # Flags of a .pyc: 0b01, so a hash instead of a time, and not checked against the source.
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\x00\x00\x00"}


def test_the_engine_needs_nothing_but_the_standard_library(layer: Path, tmp_path: Path) -> None:
    """The engine can be lifted out as it is."""
    (tmp_path / "kms_perimeter").symlink_to(layer / "kms_perimeter")
    asked = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import kms_perimeter.verdict, kms_perimeter.remedy"

    done = subprocess.run([shutil.which("python3") or "", "-I", "-S", "-c", asked], capture_output=True, check=False)

    assert done.stderr == b""
