"""What `sam build` makes: as little as possible, for Lambda's platform, and the same every time."""

import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.deploy import build
from local.embedded import REPOSITORY

MEGABYTE = 1_000_000
SAM_PYTHON = Path(os.environ.get("SAM_VENV", REPOSITORY / ".venvs" / "sam")) / "bin" / "python"
ZIP = """
import sys
from samcli.lib.package.utils import make_zip_with_lambda_permissions
sys.stdout.write(make_zip_with_lambda_permissions(*sys.argv[1:]))
"""

pytestmark = pytest.mark.stack


def digest(folder: Path) -> str:
    """A digest of all files of a folder, by name and content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts = (f"{path.relative_to(folder)}:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def test_the_layer_holds_what_functions_import_and_no_more(layer: Path) -> None:
    """Lambda brings boto3 along; a second one in the layer would shadow it and cost a second of every cold start."""
    held = {path.name for path in layer.iterdir() if not path.name.endswith(".dist-info")}

    assert {"kms_perimeter", "aws_lambda_powertools", "jmespath", "jinja2", "markupsafe"} <= held
    assert not held & {"boto3", "botocore", "aws_xray_sdk", "pydantic", "python", "bin", "tests"}
    assert not (layer / "kms_perimeter" / "cli").exists()
    assert (layer / "kms_perimeter" / "report" / "assets" / "report.html.j2").exists()
    assert sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) < 14 * MEGABYTE


def test_the_layer_holds_nothing_that_is_compiled_for_a_processor(layer: Path) -> None:
    """Pure Python runs on arm64 whatever machine has built it."""
    assert list(layer.rglob("*.so")) == []


@pytest.fixture
def _another_builder() -> Iterator[None]:
    """Somebody whose files nobody else may read, and whose colleagues may write to them."""
    before = os.umask(0o007)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_another_builder")
def test_the_same_sources_make_the_same_archive(layer: Path, tmp_path: Path) -> None:
    """A layer that is built again, by another person in another place, is not deployed again.

    The archive is the one that `sam deploy` makes. Its entries come in the order of the file system, which is why AWS's
    own hash of an archive may differ where its entries do not; SAM names what it uploads by what is in it.
    """
    again = (
        build(REPOSITORY / "template.yaml", into=tmp_path / "again" / "build").parent / "KmsPerimeterLayer" / "python"
    )

    assert digest(again) == digest(layer)
    assert entries(again, tmp_path / "again") == entries(layer, tmp_path / "first")


def entries(folder: Path, archive: Path) -> list[tuple[object, ...]]:
    """What is in the archive that `sam deploy` makes of a folder: names, modes, times and contents."""
    made = subprocess.run([SAM_PYTHON, "-c", ZIP, archive, folder], capture_output=True, text=True, check=True)
    with zipfile.ZipFile(made.stdout) as opened:
        return sorted((i.filename, i.external_attr, i.date_time, i.CRC, i.compress_size) for i in opened.infolist())


def test_an_archive_is_small(layer: Path, tmp_path: Path) -> None:
    """What Lambda loads for a cold start: a few lines of each function, a few megabytes of layer with its byte code."""
    whole = sum(int(str(size)) for *_, size in entries(layer, tmp_path / "layer"))
    handlers = [path.stat().st_size for path in (REPOSITORY / "functions").rglob("*.py")]

    assert whole < 5 * MEGABYTE
    assert max(handlers) < 4_000


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
