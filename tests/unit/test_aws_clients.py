from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from kms_perimeter.aws import clients

ALL = (clients.kms, clients.dynamodb, clients.sqs, clients.sns, clients.ssm, clients.secretsmanager, clients.events)


@pytest.fixture
def made() -> Iterator[list[str]]:
    """The services of the clients that are made, as botocore says."""
    told: list[str] = []
    boto3.setup_default_session(region_name="us-east-1", aws_access_key_id="1", aws_secret_access_key="1")
    assert boto3.DEFAULT_SESSION

    def note(event_name: str, **_: Any) -> None:  # noqa: ANN401 - whatever botocore tells
        told.append(event_name.rpartition(".")[2])

    boto3.DEFAULT_SESSION.events.register("creating-client-class", note)
    for client in ALL:
        client.cache_clear()
    yield told
    for client in ALL:
        client.cache_clear()
    boto3.DEFAULT_SESSION = None


def test_a_client_is_made_when_it_is_used(made: list[str]) -> None:
    """A function holds what it may need, and pays at its start for what it does need."""
    held = [client() for client in ALL]
    before = list(made)

    held[0].meta  # noqa: B018 - the use

    assert (before, made) == ([], ["kms"])


def test_a_client_is_made_once_for_all_who_use_it(made: list[str]) -> None:
    """Keys are looked at side by side, from the first one on."""
    with ThreadPoolExecutor(8) as threads:
        metas = set(threads.map(lambda _: id(clients.dynamodb().meta), range(32)))

    assert (len(metas), made) == (1, ["dynamodb"])
