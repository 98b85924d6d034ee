"""Every call of the commands that answer and change x everything that can go wrong with it.

Somebody runs `approve`, `rollback`, `resume` or `exempt`, and a call fails. The command then says so, in one line, and
whoever runs it once more comes to the same end as if nothing had failed: that is ``again`` in the matrix. A policy that
a person puts is one whose predecessor is in the ledger, and an exception is nowhere but where it was asked for.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import boto3
import click
import pytest
from click.testing import CliRunner

from kms_perimeter.aws.deployment import STACK, Deployment
from kms_perimeter.aws.ledger import Kind
from kms_perimeter.aws.profile import Profile
from kms_perimeter.cli.account import Account
from kms_perimeter.cli.main import LazyGroup
from tests.faults.answers import in_days, the_question
from tests.faults.faults import ONCE, Fault
from tests.faults.injection import ProcessKilledError
from tests.faults.surroundings import PARAMETER
from tests.faults.world import START, World
from tests.unit.account import OPEN, OURS, REGION
from tests.unit.command import Ran
from tests.unit.deployed import PARAMETERS, make_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

COMMAND = "the command line"
ACCOUNT_OPTIONS = ("profile_name", "region", "stack")
LASTING = tuple(fault for fault in Fault if fault not in ONCE)
CALLER = f"arn:aws:sts::{OURS}:user/moto"
WRITES = ("dynamodb.PutItem", "dynamodb.UpdateItem", "kms.PutKeyPolicy", "sqs.SendMessage", "sqs.SendMessageBatch")


@dataclass
class Session:
    """The session of a world, which makes each client once: to make one takes longer than the calls of a command."""

    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, **given: Any) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """The client for a service, as the command line wants it; those of a service are all alike."""
        if service not in self.clients:
            self.clients[service] = boto3.client(service, **given)  # type: ignore[call-overload]
        return self.clients[service]


class CommandLine(LazyGroup):
    """The commands as they are, in an account whose session is the world's."""

    def __init__(self, session: Session) -> None:
        super().__init__("kms-perimeter")
        self.session = session

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        command: click.Command = getattr(import_module(f"kms_perimeter.cli.{cmd_name}"), cmd_name)
        assert command.callback
        profile = Profile(cast("boto3.Session", self.session))
        account = Account(profile, REGION, Deployment.find(profile.session, STACK, REGION))
        callback = partial(inspect.unwrap(command.callback), account=account)
        kept = [parameter for parameter in command.params if parameter.name not in (*ACCOUNT_OPTIONS, "no_color")]
        return click.Command(cmd_name, params=kept, callback=callback)


@dataclass(frozen=True)
class Command:
    """Something that somebody does on the command line.

    Attributes:
        name: the command.
        arguments: its arguments, given the world.
        begin: what happens before.
        done: whether all has come to the end that it comes to when nothing fails.
        settings: variables that differ.
    """

    name: str
    arguments: Callable[[World], tuple[str, ...]]
    begin: Callable[[World], object]
    done: Callable[[World], bool]
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def open(self) -> Iterator[World]:
        """A world with a deployment, in which somebody is about to run it."""
        with World.open(self.settings) as world:
            queues = world.resources.queues
            urls = {"ChangesQueueUrl": queues["changes"], "RemediationsQueueUrl": queues["remediations"]}
            outputs, given = {"LedgerTable": "ledger", **urls}, PARAMETERS | {"PerimeterFile": PARAMETER}
            make_stack(STACK, outputs, given, world.aws("cloudformation"))
            self.begin(world)
            world.run()
            world.injector.forget()
            world.log.clear()
            world.session = Session()
            yield world

    def run(self, world: World) -> Ran | None:
        """What the command leaves behind, or None if its process is killed."""
        before, world.witness.function = world.witness.live, COMMAND
        arguments = [self.name, *self.arguments(world)]
        try:
            result = CliRunner().invoke(CommandLine(world.session), arguments, prog_name="kms-perimeter")
        except ProcessKilledError:
            return None
        finally:
            world.witness.function = ""
            assert world.policy == before or is_in_the_ledger(world, before)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    def is_over(self, world: World) -> bool:
        """Whether the end is reached once the service has done its part."""
        world.run()
        return self.done(world) and world.dead == 0


def is_in_the_ledger(world: World, policy: str) -> bool:
    """Whether the ledger has it that somebody has gone back from this policy to the live one."""
    entries = [entry for entry in world.ledger.entries(world.key) if entry.kind is Kind.ROLLED_BACK]
    return any((entry.facts["before"], entry.facts["after"]) == (policy, world.policy) for entry in entries)


def kinds(world: World) -> list[Kind]:
    """What the ledger has of the key."""
    return [entry.kind for entry in world.ledger.entries(world.key)]


def _is_approved(world: World) -> bool:
    entries = [entry for entry in world.ledger.entries(world.key) if entry.kind is Kind.APPROVED]
    return world.is_fixed() and [entry.actor for entry in entries] == [CALLER] and world.witness.puts == 1


def _is_rolled_back(world: World) -> bool:
    exception = world.ledger.state(world.key).exception
    return world.policy == OPEN and exception is not None and exception.owner == CALLER


def _is_given_up(world: World) -> None:
    world.take("changes")
    world.ledger.contest(world.key, START)


def _is_taken_up(world: World) -> bool:
    return world.ledger.state(world.key).contested_since is None and Kind.RESUMED in kinds(world) and world.is_fixed()


def _is_exempt(world: World) -> bool:
    exception = world.ledger.state(world.key).exception
    known = exception is not None and (exception.owner, exception.expires.isoformat()) == (CALLER, in_days(7))
    return known and Kind.EXCEPTED in kinds(world) and world.policy == OPEN


def _nothing(_: World) -> None:
    """The event waits in the queue, and is worked on."""


BECAUSE = ("--reason", "the migration")
APPROVE = Command(
    "approve", lambda world: (the_question(world)[1], "--yes"), _nothing, _is_approved, {"MODE": "approve"}
)
ROLLBACK = Command("rollback", lambda world: (world.key, "--force", "--yes", *BECAUSE), _nothing, _is_rolled_back)
RESUME = Command("resume", lambda world: (world.key, *BECAUSE), _is_given_up, _is_taken_up)
EXEMPT = Command(
    "exempt", lambda world: (world.key, "--until", in_days(7), *BECAUSE), _nothing, _is_exempt, {"MODE": "alert"}
)
COMMANDS = (APPROVE, ROLLBACK, RESUME, EXEMPT)


@cache
def steps_of(command: Command) -> tuple[str, ...]:
    """The calls of a command that nothing fails for, in their order."""
    with command.open() as world:
        ran = command.run(world)
        calls = world.injector.calls_of(COMMAND)
        assert ran
        assert (ran.status, ran.err) == (0, "")
        assert command.is_over(world), (world.log, kinds(world))
        return calls


def is_asked_for(world: World) -> bool:
    """Whether an exception is registered for no enclosed key: nobody would be told if that one was opened."""
    return world.ledger.state(world.key).exception is None or not world.enclosed


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_whoever_runs_a_command_again_after_an_outage_gets_done(
    command: Command, record_cell: Callable[[str, str, str], None]
) -> None:
    """Each call fails in each way that lasts; the command says so each time, and leaves nothing behind that harms."""
    with command.open() as world:
        injector = world.injector
        for call in dict.fromkeys(steps_of(command)):
            for fault in LASTING:
                injector.forget()
                injector.operation, injector.within, injector.fault = call, COMMAND, fault

                ran = command.run(world)

                record_cell(f"{command}: {call}", fault.value, "again")
                assert injector.struck > 0, (call, fault)
                assert ran
                assert (ran.status, ran.err.count("\n")) == (2, 1), (call, fault, ran)
                assert is_asked_for(world), (call, fault)
        injector.operation = ""

        command.run(world)

        assert command.is_over(world), (world.log, kinds(world))


@pytest.mark.parametrize("fault", [Fault.THROTTLED_ONCE, Fault.LOST_ANSWER])
@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_outlives_a_blip_at_each_call(
    command: Command, fault: Fault, record_cell: Callable[[str, str, str], None]
) -> None:
    """Each call is throttled at its first try, or takes effect and its answer is lost."""
    with command.open() as world:
        injector = world.injector
        injector.operation, injector.within, injector.fault, injector.each = "*", COMMAND, fault, True

        ran = command.run(world)

        for call in steps_of(command):
            record_cell(f"{command}: {call}", fault.value, "at once")
        assert ran
        assert (ran.status, ran.err) == (0, "")
        assert injector.struck >= len(steps_of(command))
        assert command.is_over(world), (world.log, kinds(world))


@pytest.mark.parametrize(
    ("command", "step"),
    [
        pytest.param(command, step, id=f"{command}, {step}, {call}")
        for command in COMMANDS
        for step, call in enumerate(steps_of(command))
        if call in WRITES
    ],
)
def test_a_command_that_dies_is_run_again(
    command: Command, step: int, record_cell: Callable[[str, str, str], None]
) -> None:
    """However far it has come, the next one completes its work."""
    calls = steps_of(command)
    with command.open() as world:
        injector = world.injector
        injector.operation, injector.within, injector.fault = calls[step], COMMAND, Fault.KILLED
        injector.at = calls[:step].count(calls[step])

        assert command.run(world) is None
        assert world.ledger.state(world.key).exception is None or Kind.EXCEPTED in kinds(world) or told(world)
        command.run(world)

        record_cell(f"{command}: {calls[step]}", Fault.KILLED.value, "again")
        assert command.is_over(world), (world.log, kinds(world))


def told(world: World) -> bool:
    """Whether the ledger has the exception that a rollback has registered."""
    return any(entry.facts.get("forced") for entry in world.ledger.entries(world.key))


def test_where_nobody_knows_whether_a_policy_was_put_the_exception_stays() -> None:
    """KMS answers no more: if the policy is there, the guard must not close the key that somebody answers for."""
    with ROLLBACK.open() as world:
        injector = world.injector
        injector.operation, injector.within, injector.fault = "kms.*", COMMAND, Fault.LOST_REQUEST
        injector.since = steps_of(ROLLBACK).index("kms.PutKeyPolicy")

        ran = ROLLBACK.run(world)

        assert ran
        assert ran.status == 2
        assert told(world)
        assert world.ledger.state(world.key).exception is not None
