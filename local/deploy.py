"""Brings a SAM template onto the embedded AWS with the very commands that users run: `sam build`, `sam deploy`.

    built = build(REPOSITORY / "template.yaml")
    outputs = deploy(aws, built, parameters={"Mode": "alert"})

The SAM CLI needs a virtual environment of its own; by default it is `$SAM_VENV`, else `.venvs/sam`.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from local.embedded import REPOSITORY, EmbeddedAws

STACK = "kms-perimeter"
_BUCKET = "deployment-artifacts"
_TAIL_LINES = 60
_SECONDS = 300


class SamFailedError(Exception):
    """`sam` ended with an error; the message ends with what it printed last."""


def build(template: Path, *, into: Path | None = None, venv: Path | None = None) -> Path:
    """Run `sam build` on a template.

    Args:
        template: The template.
        into: The folder for the result; by default `.aws-sam/build` beside the template, as `sam` does.
        venv: The SAM CLI's virtual environment.

    Returns:
        The template that `deploy` takes.

    Raises:
        SamFailedError: The build failed.
    """
    folder = into or template.parent / ".aws-sam" / "build"
    cache = folder.parent / "cache"
    arguments = ["build", "--template-file", str(template), "--build-dir", str(folder)]
    _run(venv, [*arguments, "--cached", "--cache-dir", str(cache), "--parallel"], _tool_environment(folder.parent))
    return folder / "template.yaml"


def validate(template: Path, *, scratch: Path, venv: Path | None = None) -> None:
    """Run `sam validate --lint` on a template.

    Args:
        template: The template.
        scratch: A folder for the SAM CLI's own settings.
        venv: The SAM CLI's virtual environment.

    Raises:
        SamFailedError: The template is not valid, or the linter has something to say.
    """
    arguments = ["validate", "--lint", "--template-file", str(template), "--region", "us-east-1"]
    _run(venv, arguments, _tool_environment(scratch))


def deploy(
    aws: EmbeddedAws,
    built_template: Path,
    *,
    stack: str = STACK,
    parameters: Mapping[str, str] | None = None,
    venv: Path | None = None,
) -> dict[str, str]:
    """Run `sam deploy` onto the embedded AWS, creating the stack or changing it.

    Args:
        aws: A running AWS.
        built_template: What `build` returned; any template that needs no build does too.
        stack: The stack's name.
        parameters: The template's parameters, by name; empty values are passed on as empty.
        venv: The SAM CLI's virtual environment.

    Returns:
        The stack's outputs, by name.

    Raises:
        SamFailedError: The deployment failed.
    """
    _make_bucket(aws)
    arguments = ["deploy", "--template-file", str(built_template), "--stack-name", stack, "--region", aws.region]
    arguments += ["--s3-bucket", _BUCKET, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
    arguments += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
    # Without a file of its own, `sam` would take over what the user's samconfig.toml says about a real account.
    arguments += ["--config-file", str(_empty_configuration(aws.state))]
    if parameters:
        arguments += ["--parameter-overrides", *(_override(name, value) for name, value in parameters.items())]
    _run(venv, arguments, {**_tool_environment(aws.state), **aws.environ()})
    return outputs_of(aws, stack)


def outputs_of(aws: EmbeddedAws, stack: str = STACK) -> dict[str, str]:
    """The outputs of a stack, by name."""
    described = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def _run(venv: Path | None, arguments: list[str], environment: dict[str, str]) -> None:
    folder = venv or Path(os.environ.get("SAM_VENV", REPOSITORY / ".venvs" / "sam"))
    program = folder / "bin" / "sam"
    if not program.exists():
        raise SamFailedError(f"there is no SAM CLI at `{program}`; `make demo` installs it")
    # Its Python builder wants the runtime's interpreter on PATH; the virtual environment's own may be the one.
    path = os.pathsep.join([environment.get("PATH", ""), str(folder / "bin")])
    status, printed = _finish([str(program), *arguments], {**environment, "PATH": path})
    if status:
        tail = "\n".join(printed.splitlines()[-_TAIL_LINES:])
        raise SamFailedError(f"`sam {arguments[0]}` ended with {status}:\n{tail}")


def _finish(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command to its end; give its exit status and what it printed."""
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A group of its own, so that stopping it reaches the make and the pip that it starts.
        start_new_session=True,
    ) as process:
        try:
            printed, _ = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired as late:
            os.killpg(process.pid, signal.SIGKILL)
            raise SamFailedError(f"`sam` took more than {_SECONDS} seconds") from late
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, printed


def _tool_environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_CLI_"))}
    return {
        **kept,
        "SAM_CLI_TELEMETRY": "0",
        # Seconds between looks at the stack; the default of 5 is for an AWS that takes minutes.
        "SAM_CLI_POLL_DELAY": "0.05",
        "__SAM_CLI_APP_DIR": str(_application_folder(folder)),
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def _application_folder(folder: Path) -> Path:
    """`sam`'s own settings, kept out of the user's home; they say that it looked for a newer version just now."""
    place = folder / "sam-cli"
    place.mkdir(parents=True, exist_ok=True)
    settings = {"telemetryEnabled": False, "lastVersionCheck": time.time()}
    (place / "metadata.json").write_text(json.dumps(settings))
    return place


def _empty_configuration(folder: Path) -> Path:
    place = folder / "samconfig.toml"
    place.write_text("version = 0.1\n")
    return place


def _make_bucket(aws: EmbeddedAws) -> None:
    s3 = aws.client("s3")
    if _BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=_BUCKET)


def _override(name: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{quoted}"'
