"""What the commands are given: files, standard input, and the options that tell about the key."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from kms_perimeter import perimeter
from kms_perimeter.cloudtrail import partition_of
from kms_perimeter.errors import InvalidInput, MalformedPolicy
from kms_perimeter.policy import document
from kms_perimeter.policy.key import DEFAULT_SPEC, DEFAULT_USAGE, Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from kms_perimeter.perimeter import Perimeter, PerimeterFile

STANDARD_INPUT = "-"
# What a key of each usage usually is, for whoever does not say: only `ENCRYPT_DECRYPT` keys can be symmetric.
USUAL_SPECS = {
    "ENCRYPT_DECRYPT": DEFAULT_SPEC,
    "SIGN_VERIFY": "RSA_2048",
    "GENERATE_VERIFY_MAC": "HMAC_256",
    "KEY_AGREEMENT": "ECC_NIST_P256",
}


class InputError(click.ClickException):
    """Something given to a command cannot be used: one line on standard error, exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"kms-perimeter: {self.format_message()}", file=file or sys.stderr)


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A key policy as it was given.

    Attributes:
        name: the path, or ``-``.
        text: the policy's text; with `fault` set, whatever could be read.
        fault: why it is no key policy, or None.
    """

    name: str
    text: str
    fault: MalformedPolicy | None

    @property
    def account(self) -> str | None:
        """The account that the policy's principals name, where they name one."""
        return None if self.fault else document.account_of(document.parse(self.text))


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """What the options say about the key."""

    usage: str
    spec: str
    account: str | None
    region: str | None

    def key(self) -> Key:
        """The key as far as the options tell about it."""
        return Key(
            account=self.account,
            region=self.region,
            usage=self.usage,
            spec=self.spec,
            partition=partition_of(self.region or ""),
        )

    def key_of(self, policy: PolicyFile) -> Key:
        """The key that a policy is attached to, as far as it is known."""
        return replace(self.key(), account=self.account or policy.account)


def read_bytes(name: str) -> bytes:
    """The content of a file, or of standard input for ``-``.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"{name}: {(error.strerror or str(error)).lower()}") from None


def read_text(name: str) -> str:
    """The text of a file, or of standard input for ``-``.

    Raises:
        InputError: it cannot be read or is not UTF-8.
    """
    try:
        return read_bytes(name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 text at byte {error.start}") from None


def read_policy(name: str) -> PolicyFile:
    """A key policy, malformed or not.

    Raises:
        InputError: the file cannot be read.
    """
    return policy_of(name, read_bytes(name))


def policy_of(name: str, content: bytes) -> PolicyFile:
    """The key policy that a file of this name and content holds, malformed or not."""
    try:
        text = content.decode()
        document.parse(text)
    except UnicodeDecodeError as error:
        fault = MalformedPolicy(f"not UTF-8 text at byte {error.start}")
        return PolicyFile(name, content.decode(errors="replace"), fault)
    except MalformedPolicy as fault:
        return PolicyFile(name, text, fault)
    return PolicyFile(name, text, None)


def read_perimeters(name: str) -> PerimeterFile:
    """A perimeter file in JSON or YAML.

    Raises:
        InputError: it cannot be read, or something in it is wrong; names the place.
    """
    try:
        return load_perimeters(name)
    except InvalidInput as error:
        raise InputError(f"{name}: {error}") from None


def load_perimeters(name: str) -> PerimeterFile:
    """The same, for a command that tells by itself what is wrong.

    Raises:
        InputError: it cannot be read.
        MalformedPerimeter: something in it is wrong; names the place.
    """
    text = read_text(name)
    if name.endswith((".yaml", ".yml")) or not (name.endswith(".json") or text.lstrip().startswith(("{", "["))):
        from kms_perimeter.cli import yaml_text  # noqa: PLC0415 - PyYAML only where there is YAML

        return yaml_text.load(text)
    return perimeter.load(text)


def write_text(name: str, text: str) -> None:
    """Writes a file.

    Raises:
        InputError: it cannot be written.
    """
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{name}: {(error.strerror or str(error)).lower()}") from None


def complete_file(_context: click.Context, _parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """For shell completion: a file."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for completion

    return [CompletionItem(start, type="file")]


def choose(file: PerimeterFile) -> tuple[Perimeter, str | None]:
    """The perimeter to judge a policy by, whose key's tags and aliases are not known, and how it was chosen.

    The only one there is; else the first that is for every key; else the first.
    """
    if len(file.perimeters) == 1:
        return file.perimeters[0], None
    for_all = next((p for p in file.perimeters if p.applies_to is None), None)
    if for_all:
        return (
            for_all,
            f"`{for_all.name}`, since it is for every key and this key's tags and aliases are not known here",
        )
    first = file.perimeters[0]
    return first, f"`{first.name}`, the first of the file, since this key's tags and aliases are not known here"


def policy_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument for one policy."""
    return click.argument("policy", metavar="POLICY.json", shell_complete=complete_file)(function)


def perimeter_option(*, required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option ``--perimeter``."""
    told = "The perimeter file, in JSON or YAML."
    name = ("--perimeter", "perimeter_name")
    return click.option(*name, metavar="FILE", required=required, shell_complete=complete_file, help=told)


def format_option(*choices: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option ``--format``; the first choice is the default."""
    kind = click.Choice(choices)
    return click.option(
        "--format", "output", type=kind, default=choices[0], show_default=True, help="For people or for programs."
    )


def key_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that tell about the key, handed to the command as one `KeyOptions` named ``key``."""
    return _with_key(function, (*_USAGE_OPTIONS, *_OWNER_OPTIONS))


def usage_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same without account and Region, for a command that knows them."""
    return _with_key(function, _USAGE_OPTIONS)


def _with_key(function: Callable[..., Any], options: tuple[Callable[..., Any], ...]) -> Callable[..., Any]:
    @functools.wraps(function)
    def with_key(
        *args: object,
        key_usage: str,
        key_spec: str | None,
        account: str | None = None,
        region: str | None = None,
        **rest: object,
    ) -> object:
        key = KeyOptions(key_usage, key_spec or USUAL_SPECS[key_usage], account, region)
        return function(*args, key=key, **rest)

    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), with_key)


def _account(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (len(value) == len("111122223333") and value.isascii() and value.isdigit()):
        raise click.BadParameter(f"`{value}` is not an account ID (12 digits)")
    return value


_USAGE_OPTIONS = (
    click.option(
        "--key-usage",
        type=click.Choice(list(USUAL_SPECS)),
        default=DEFAULT_USAGE,
        show_default=True,
        help="The key's KeyUsage.",
    ),
    click.option(
        "--key-spec",
        metavar="SPEC",
        help=f"The key's KeySpec.  [default: {DEFAULT_SPEC}, or what is usual for another usage]",
    ),
)
_OWNER_OPTIONS = (
    click.option(
        "--account",
        metavar="ID",
        callback=_account,
        help="The account that owns the key.  [default: the one that the policy's principals name]",
    ),
    click.option("--region", metavar="REGION", help="The key's Region."),
)
