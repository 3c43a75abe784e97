"""What the doctor says of the store: Azurite's tables, containers and queues, and the embedded store's folder."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueServiceClient
from doctor_samples import deployed

import function_app
from responders.declarations import Secret
from responders.health.checks.storage import POISON, QUEUES
from responders.settings import AzureStore
from responders.stores.azure_clients import open_clients

Captured = pytest.CaptureFixture[str]

CONNECTION = "AzureWebJobsStorage"
EVERY = tuple(name for queue in QUEUES for name in (queue, queue + POISON))


@pytest.fixture
def storage(azurite: str) -> Iterator[QueueServiceClient]:
    """Give the account with everything that a deployment makes, and take it away again."""
    clients = open_clients(AzureStore(connection=Secret(azurite)), None)
    tables = [it.table_name for it in (clients.claims, clients.records, clients.entities)]
    with QueueServiceClient.from_connection_string(azurite) as queues, clients.tables, clients.blobs:
        for table in tables:
            clients.tables.create_table_if_not_exists(table)
        if not clients.documents.exists():
            clients.documents.create_container()
        for queue in queues.list_queues():
            queues.delete_queue(queue)
        for name in EVERY:
            queues.create_queue(name)
        yield queues
        for name in EVERY:
            queues.delete_queue(name)


def look(capsys: Captured, folder: Path, connection: str) -> Any:
    """Return what the doctor says of the storage."""
    settings = {CONNECTION: connection, "PULLMEDIC_STORE": "azure"}
    with deployed(capsys, folder, settings=settings) as doctor:
        told = doctor.look("storage")
    assert "AccountKey" not in told.text
    return told


def test_the_queues_are_those_of_the_functions() -> None:
    """Whoever adds a queue adds it to what is looked at."""
    used = {
        binding.queue_name
        for function in function_app.app.get_functions()
        for binding in function.get_bindings()
        if hasattr(binding, "queue_name")
    }
    assert used <= set(EVERY)
    assert {name.removesuffix(POISON) for name in used} == set(QUEUES)


def test_everything_of_the_account_is_there(
    capsys: Captured, tmp_path: Path, azurite: str, storage: QueueServiceClient
) -> None:
    """Tables, container and queues; what waits in a queue is no finding."""
    storage.get_queue_client("notices").send_message("one")
    told = look(capsys, tmp_path, azurite)
    assert told.code == 0
    assert [(result["what"], result["state"]) for result in told.results] == [
        ("tables", "ok"),
        ("containers", "ok"),
        ("queues", "ok"),
    ]


def test_a_queue_that_is_not_there_is_missing(
    capsys: Captured, tmp_path: Path, azurite: str, storage: QueueServiceClient
) -> None:
    """With the command that makes it, in which no key stands."""
    storage.delete_queue("fixes-poison")
    try:
        trouble = look(capsys, tmp_path, azurite).trouble
    finally:
        storage.create_queue("fixes-poison")
    assert (trouble["what"], trouble["state"]) == ("queue fixes-poison", "missing")
    (command,) = trouble["commands"]
    assert command == 'az storage queue create --name fixes-poison --connection-string "$AzureWebJobsStorage"'


def test_what_was_given_up_is_found(
    capsys: Captured, tmp_path: Path, azurite: str, storage: QueueServiceClient
) -> None:
    """How many, what is lost by it, and how to look at them."""
    for number in range(3):
        storage.get_queue_client("notices-poison").send_message(str(number))
    trouble = look(capsys, tmp_path, azurite).trouble
    assert (trouble["what"], trouble["state"]) == ("queue notices-poison", "wrong")
    assert trouble["details"][0].startswith("3 given up: ")
    assert shlex.split(trouble["commands"][0])[:4] == ["az", "storage", "message", "peek"]


@pytest.mark.slow
def test_an_account_that_does_not_answer_is_wrong(capsys: Captured, tmp_path: Path) -> None:
    """Vital: nothing works without it."""
    gone = (
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/a;"
        "QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a"
    )
    told = look(capsys, tmp_path, gone)
    assert told.code == 1
    assert [result["state"] for result in told.results] == ["wrong"] * 3
    assert all(result["vital"] for result in told.results)


def test_a_key_that_is_refused_is_wrong(capsys: Captured, tmp_path: Path, azurite: str) -> None:
    """By the account's own answer; with a key there is no role that could be missing."""
    told = look(capsys, tmp_path, azurite.replace("AccountKey=Eby8", "AccountKey=AAAA"))
    assert told.code == 1
    assert {result["state"] for result in told.troubles} == {"wrong"}


def test_a_role_at_the_account_that_is_missing_is_named(capsys: Captured, tmp_path: Path) -> None:
    """One for each kind of data, with the command that assigns it at the account."""
    settings = {"AzureWebJobsStorage__accountName": "pmstore", "PULLMEDIC_STORE": "azure"}
    refused = {
        "call": {"host": r"pmstore\.(table|blob|queue)\.core\.windows\.net"},
        "status": 403,
        "code": "AuthorizationPermissionMismatch",
        "message": "This request is not authorized to perform this operation using this permission.",
    }
    with deployed(capsys, tmp_path, settings=settings, faults=[refused]) as doctor:
        told = doctor.look("storage")
    assert told.code == 1
    kinds = {"tables": "Table", "containers": "Blob", "queues": "Queue"}
    assert {result["what"]: result["state"] for result in told.results} == dict.fromkeys(kinds, "missing")
    for result in told.results:
        (command,) = result["commands"]
        taken = shlex.split(command)
        assert taken[taken.index("--role") + 1] == f"Storage {kinds[result['what']]} Data Contributor"
        assert "az storage account show --name pmstore" in taken[taken.index("--scope") + 1]


def test_an_embedded_store_needs_its_folder(capsys: Captured, tmp_path: Path) -> None:
    """There, and to be written to; where it is there the store is asked."""
    for path, state in ((tmp_path / "none" / "s.sqlite", "missing"), (tmp_path / "s.sqlite", "ok")):
        with deployed(capsys, tmp_path, settings={"PULLMEDIC_STORE": f"sqlite:///{path}"}) as doctor:
            (found,) = doctor.look("storage").results
        assert found["state"] == state
        assert not path.exists(), "a look makes nothing"


def test_a_file_that_is_no_store_is_wrong(capsys: Captured, tmp_path: Path) -> None:
    """The store says what it is."""
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 50)
    with deployed(capsys, tmp_path, settings={"PULLMEDIC_STORE": f"sqlite:///{path}"}) as doctor:
        assert doctor.look("storage").trouble["state"] == "wrong"
