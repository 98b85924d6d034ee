"""What starts a function, in place of Lambda's own /var/runtime/bootstrap: sets the path, and notes each AWS call.

Run as `python -I -S bootstrap.py PATH CALLS`, PATH being a list of folders as JSON. Each call that botocore is about to
make, whoever makes it, becomes a line of the file CALLS: the service's name in IAM, the operation, its parameters.
"""

from __future__ import annotations

import json
import runpy
import sys
from typing import Any

IAM_NAMES = {"monitoring": "cloudwatch"}
"""Services that IAM knows by another name than the one that requests are signed for."""


def main() -> None:
    """Hand over to Lambda's runtime interface client."""
    path, calls = sys.argv[1:]
    sys.path[:0] = json.loads(path)
    note_calls_in(calls)
    sys.argv[1:] = ["handler.handle"]
    runpy.run_module("awslambdaric", run_name="__main__")


def note_calls_in(file: str) -> None:
    """From now on, every botocore session notes its calls."""
    import botocore  # noqa: PLC0415 - the path is known only now

    def note(**told: Any) -> None:  # noqa: ANN401 - botocore makes it at run time
        signed_for = told["model"].service_model.signing_name
        service, operation = IAM_NAMES.get(signed_for, signed_for), told["model"].name
        call = {"service": service, "operation": operation, "parameters": told["params"]}
        with open(file, "a", encoding="utf-8") as notes:  # noqa: PTH123 - pathlib would be imported for it
            notes.write(json.dumps(call, default=str) + "\n")

    botocore.register_initializer(lambda session: session.register("provide-client-params", note))


if __name__ == "__main__":
    main()
