"""What `sam build` makes: as little as possible, for Lambda's platform, and the same every time."""

import os
import py_compile
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from local.archive import code_sha256, package
from local.deploy import build, deploy
from local.embedded import REPOSITORY, EmbeddedAws

MEGABYTE = 1_000_000
BY_TIME = py_compile.PycInvalidationMode.TIMESTAMP
SAM_PYTHON = Path(os.environ.get("SAM_VENV", REPOSITORY / ".venvs" / "sam")) / "bin" / "python"
ZIP = """
import sys
from samcli.lib.package.utils import make_zip_with_lambda_permissions
sys.stdout.write(make_zip_with_lambda_permissions(*sys.argv[1:]))
"""

pytestmark = pytest.mark.stack


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


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The sources in another folder, as somebody checks them out at another time, with what tests leave there."""
    for name in ("functions", "layers"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, copy_function=shutil.copyfile)
    template = shutil.copyfile(REPOSITORY / "template.yaml", tmp_path / "template.yaml")
    py_compile.compile(str(tmp_path / "functions" / "on_sweep" / "handler.py"), invalidation_mode=BY_TIME)
    for path in tmp_path.rglob("*"):
        os.utime(path, (1, 1))
    return Path(template)


@pytest.mark.usefixtures("_another_builder")
def test_the_same_sources_make_the_same_archives(built: Path, elsewhere: Path, tmp_path: Path) -> None:
    """Byte for byte, by another person in another place: what runs can be compared with what somebody has reviewed.

    SAM's own archive of the layer differs at most in the order of its entries, which is that of the file system.
    """
    again = build(elsewhere, into=tmp_path / "again" / "build").parent

    ours, theirs = package(built, tmp_path / "first"), package(again, tmp_path / "second")

    assert {name: code_sha256(a) for name, a in ours.items()} == {name: code_sha256(a) for name, a in theirs.items()}
    assert all(names_in(archive) == sorted(names_in(archive)) for archive in ours.values())
    assert len(ours) == 1 + len(list((REPOSITORY / "functions").iterdir()))
    layers = built / "KmsPerimeterLayer" / "python", again / "KmsPerimeterLayer" / "python"
    assert entries(layers[0], tmp_path / "ours") == entries(layers[1], tmp_path / "theirs")


def test_sam_uploads_the_archives_as_they_are(built: Path, tmp_path: Path) -> None:
    """Nothing is packed anew on the way, so Lambda's `CodeSha256` is the one that `make package` prints."""
    archives = package(built, tmp_path / "package")

    with EmbeddedAws() as aws:
        deploy(aws, tmp_path / "package" / "template.yaml", parameters={"ApprovedVpcs": "vpc-2b2b2b2b"})
        s3, bucket = aws.client("s3"), "deployment-artifacts"
        objects = [s3.get_object(Bucket=bucket, Key=o["Key"]) for o in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        uploaded = {code_sha256(found["Body"].read()) for found in objects}
        running = {f["CodeSha256"] for f in aws.client("lambda").list_functions()["Functions"]}

    assert {code_sha256(archive) for archive in archives.values()} <= uploaded
    assert len(running) > 1
    assert running <= {code_sha256(archive) for archive in archives.values()}


def names_in(archive: bytes) -> list[str]:
    """The names in an archive, in its order."""
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        return opened.namelist()


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
