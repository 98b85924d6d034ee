"""Makes of what `sam build` has built a template that StackSets take, and the archives that it names.

    .venvs/sam/bin/python -m local.stackset .aws-sam/build .aws-sam/stackset

StackSets with service-managed permissions run no transforms by their own role ("You can't provision nested stacks,
transforms, or macros with the default execution role"), so SAM's transform is done here, by SAM's own translator.
Lambda takes code from a bucket of its own Region, so the template takes the first part of the buckets' names as a
parameter and puts the Region after it. The same sources make the same archives, by the same names.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from samtranslator.translator.transform import transform

from local.archive import CODE, archive_of

BUCKETS = "CodeBuckets"
PARAMETER = {
    "Type": "String",
    "Description": "First part of the names of the buckets with the code; the second part is a hyphen and the Region.",
    "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,40}$",
    "ConstraintDescription": "must be the name of a bucket without the hyphen and the Region at its end.",
}


@dataclass(frozen=True, slots=True)
class Made:
    """What was made.

    Attributes:
        template: the template, for CloudFormation as it is.
        archives: the archives by their names.
    """

    template: dict[str, Any]
    archives: dict[str, bytes]

    def write(self, folder: Path) -> None:
        """Writes ``template.json`` and the archives, which go into each Region's bucket as they are."""
        code = folder / "code"
        code.mkdir(parents=True, exist_ok=True)
        (folder / "template.json").write_text(json.dumps(self.template, indent=1) + "\n")
        for name, archive in self.archives.items():
            (code / name).write_bytes(archive)


class _NoManagedPolicies:
    """The template names no policy of AWS, so there is none to look up."""

    def load(self) -> dict[str, str]:
        """Nothing."""
        return {}


def make(built: Path) -> Made:
    """Makes the template and the archives of the folder that `sam build` has written."""
    template: dict[str, Any] = yaml.safe_load((built / "template.yaml").read_text())
    archives: dict[str, bytes] = {}
    for resource in template["Resources"].values():
        if place := CODE.get(resource["Type"]):
            archive = archive_of((built / resource["Properties"][place]).resolve())
            name = f"{hashlib.sha256(archive).hexdigest()[:32]}.zip"
            archives[name] = archive
            resource["Properties"][place] = {"Bucket": {"Fn::Sub": f"${{{BUCKETS}}}-${{AWS::Region}}"}, "Key": name}
    template["Parameters"][BUCKETS] = PARAMETER
    # The translator asks for a Region before it begins; nothing in this template comes to depend on it.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    return Made(transform(template, {}, _NoManagedPolicies()), archives)


def main() -> None:
    """Makes them, from the folder of the first argument into that of the second."""
    built, out = map(Path, sys.argv[1:3])
    made = make(built)
    made.write(out)
    size = sum(map(len, made.archives.values()))
    sys.stdout.write(f"{out}: template.json and {len(made.archives)} archives of {size / 1e6:.1f} MB in all\n")


if __name__ == "__main__":
    main()
