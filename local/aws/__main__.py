"""`python -m local.aws --state DIR`: run the embedded AWS in the foreground, with ministack's own Python.

Prints one line of JSON, `{"endpoint": "http://127.0.0.1:PORT"}`, once it serves. Writes only into DIR.
Stops on SIGTERM.
"""

import argparse
import importlib
import json
import os
import socket
import sys
import tempfile
from functools import partial
from pathlib import Path

from local.wire import ACCOUNT, REGION

_HOST = "127.0.0.1"


def main() -> None:
    """Take a free port, tell ministack of it, serve."""
    arguments = _read_arguments()
    listening = socket.create_server((_HOST, arguments.port))
    endpoint = f"http://{_HOST}:{listening.getsockname()[1]}"
    os.environ.update(_environment(arguments, endpoint))
    tempfile.tempdir = os.environ["TMPDIR"]
    # ministack reads its settings when it is imported, so only now.
    server = importlib.import_module("local.aws.server")
    server.run(listening, partial(_announce, endpoint), stop_with_stdin=arguments.stop_with_stdin)
    server.leave()


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description="An AWS for one machine, on loopback.")
    parser.add_argument("--state", type=Path, required=True, help="the only folder that is written to")
    parser.add_argument("--account", default=ACCOUNT)
    parser.add_argument("--region", default=REGION)
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args()


def _environment(arguments: argparse.Namespace, endpoint: str) -> dict[str, str]:
    state: Path = arguments.state.resolve()
    temporary = state / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        "BIND_HOST": _HOST,
        "MINISTACK_HOST": _HOST,
        "GATEWAY_PORT": endpoint.rsplit(":", 1)[1],
        "MINISTACK_ACCOUNT_ID": arguments.account,
        "MINISTACK_REGION": arguments.region,
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(state / "state"),
        "S3_DATA_DIR": str(state / "s3"),
        "TMPDIR": str(temporary),
        # A name that is no socket keeps ministack from looking for Docker's.
        "DOCKER_HOST": f"unix://{state / 'no-docker'}",
        # What the functions' processes inherit: AWS is here, and nobody's own configuration is read.
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _announce(endpoint: str) -> None:
    sys.stdout.write(json.dumps({"endpoint": endpoint}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
