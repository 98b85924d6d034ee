"""The archives that Lambda takes, each byte the same whoever makes them and wherever, and a template that names them.

    python -m local.archive .aws-sam/build .aws-sam/package

`sam deploy` uploads an archive as it is, where the template names one; where it names a folder, SAM packs the files in
the order in which the file system lists them and with the modes that they have. So what was built here can be compared
with what runs: Lambda tells the SHA-256 of each archive as `CodeSha256`.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644
_UNIX = 3


def archive_of(folder: Path) -> bytes:
    """The folder as Lambda takes it: sorted, of one time and mode, and without byte code that carries a time."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((path for path in folder.rglob("*") if path.is_file()), key=Path.as_posix):
            content = path.read_bytes()
            if path.suffix == ".pyc" and _carries_a_time(content):
                continue  # left there by somebody's tests
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _NO_TIME)
            entry.create_system, entry.external_attr = _UNIX, _MODE << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def code_sha256(archive: bytes) -> str:
    """What Lambda calls an archive."""
    return base64.b64encode(hashlib.sha256(archive).digest()).decode()


def package(built: Path, out: Path) -> dict[str, bytes]:
    """Packs what `sam build` has left, and writes ``template.yaml`` beside the archives.

    Args:
        built: the folder that `sam build` has written.
        out: the folder for the archives.

    Returns:
        The archives by the logical IDs of what they are for.
    """
    template: dict[str, Any] = yaml.safe_load((built / "template.yaml").read_text())
    archives: dict[str, bytes] = {}
    out.mkdir(parents=True, exist_ok=True)
    for name, resource in template["Resources"].items():
        if place := CODE.get(resource["Type"]):
            archives[name] = archive_of((built / resource["Properties"][place]).resolve())
            resource["Properties"][place] = f"{name}.zip"
            (out / f"{name}.zip").write_bytes(archives[name])
    (out / "template.yaml").write_text(yaml.safe_dump(template, sort_keys=False))
    return archives


def _carries_a_time(byte_code: bytes) -> bool:
    """Whether byte code is valid by the time of its source, and not by a hash (PEP 552)."""
    return byte_code[4:8] == bytes(4)


def main() -> None:
    """Packs, from the folder of the first argument into that of the second, and prints the digests."""
    built, out = map(Path, sys.argv[1:3])
    archives = package(built, out)
    lines = (f"{code_sha256(archive)}  {len(archive):>9,} bytes  {name}\n" for name, archive in archives.items())
    sys.stdout.write("".join(lines))


if __name__ == "__main__":
    main()
