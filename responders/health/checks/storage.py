"""The store, and the queues between the functions: there, and no message given up in one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from diagnostics.azure.cli import az
from diagnostics.azure.errors import NotFound, NotPermitted, ReadFailed, from_azure_core
from responders.health import OFTEN, Check, Result, State
from responders.health.deployment import Deployment
from responders.health.granting import assign
from responders.pages.identity import sign_in
from responders.settings import AzureStore, SqliteStore
from responders.store import StoreError, open_store

if TYPE_CHECKING:
    from azure.storage.queue import QueueServiceClient

    from responders.stores.azure_clients import Clients

__all__ = ["CHECK", "POISON", "QUEUES"]

T = TypeVar("T")

QUEUES = ("failed-runs", "completed-runs", "notices", "interactions", "fixes")
"""The queues of ``function_app``; the host puts what it gives up into ``...-poison``."""

POISON = "-poison"

_LOST = {
    "failed-runs": "runs that could not be diagnosed, and of which nobody could be told",
    "completed-runs": "completed runs that could not be looked at: their incidents are resolved later",
    "notices": "news that reached nobody; the sweep makes it good once the store answers",
    "interactions": "buttons and commands that did nothing",
    "fixes": "steps of fixes that are given up; the sweep takes them up again",
}


def _look(at: Deployment) -> Iterator[Result]:
    if isinstance(at.settings.store, SqliteStore):
        yield from _embedded(at, at.settings.store)
    else:
        yield from _account(at, at.settings.store)


def _embedded(at: Deployment, store: SqliteStore) -> Iterator[Result]:
    path = store.path.absolute()
    what, scope, folder = "embedded store", f"sqlite:///{path}", path.parent
    if not folder.is_dir():
        why = f"the folder {folder} is not there: make it, or name another store (PULLMEDIC_STORE)"
        yield Result(what=what, state=State.MISSING, scope=scope, details=(why,), vital=True)
        return
    if not os.access(folder, os.W_OK):
        why = f"the folder {folder} may not be written to: SQLite keeps its log beside the file"
        yield Result(what=what, state=State.WRONG, scope=scope, details=(why,), vital=True)
        return
    if not path.exists():
        why = "the file is made with the first failed run"
        yield Result(what=what, state=State.OK, scope=scope, details=(why,), vital=True)
        return
    try:
        open_store(store).get_document("doctor")
    except StoreError as error:
        yield Result(what=what, state=State.WRONG, scope=scope, details=(str(error),), vital=True)
        return
    yield Result(what=what, state=State.OK, scope=scope, details=("it answers",), vital=True)
    if sign_in(at.environ).hosted:
        why = "a file of this instance: others do not see it, and it goes when the instance goes. Use azure"
        yield Result(what="kind of store", state=State.WRONG, scope=scope, details=(why,))


@dataclass(frozen=True, slots=True)
class _Account:
    """The storage account: its clients, and the words by which ``az`` reaches it as we do."""

    name: str
    clients: Clients
    queues: QueueServiceClient
    by_key: bool

    def az(self, *words: str) -> str:
        """Return a command about the account's data."""
        if self.by_key:
            return az(*words) + ' --connection-string "$AzureWebJobsStorage"'
        return az(*words, "--account-name", self.name, "--auth-mode", "login")


def _account(at: Deployment, store: AzureStore) -> Iterator[Result]:
    from responders.stores.azure_clients import open_clients, open_queues  # noqa: PLC0415 - SDKs, only where used

    try:
        clients, queues = open_clients(store, None), open_queues(store)
    except StoreError as error:
        yield Result(what="storage account", state=State.WRONG, details=(str(error),), vital=True)
        return
    account = _Account(str(clients.tables.account_name), clients, queues, store.connection is not None)
    try:
        for found in at.each((_tables, _containers, _queues), lambda look: tuple(look(at, account))):
            yield from found
    finally:
        for client in (clients.tables, clients.blobs, queues):
            client.close()


def _tables(at: Deployment, account: _Account) -> Iterator[Result]:
    clients = account.clients
    there = _asked(lambda: {table.name for table in clients.tables.list_tables()})
    if isinstance(there, ReadFailed):
        yield _unread(at, account, "tables", "Storage Table Data Contributor", there)
        return
    wanted = [one.table_name for one in (clients.claims, clients.records, clients.entities)]
    yield from _compared(account, "table", "tables", wanted, there)


def _containers(at: Deployment, account: _Account) -> Iterator[Result]:
    wanted = account.clients.documents.container_name
    there = _asked(account.clients.documents.exists)
    if isinstance(there, ReadFailed):
        yield _unread(at, account, "containers", "Storage Blob Data Contributor", there)
        return
    yield from _compared(account, "container", "containers", [wanted], {wanted} if there else set())


def _queues(at: Deployment, account: _Account) -> Iterator[Result]:
    there = _asked(lambda: {str(queue.name) for queue in account.queues.list_queues()})
    if isinstance(there, ReadFailed):
        yield _unread(at, account, "queues", "Storage Queue Data Contributor", there)
        return
    every = [name for queue in QUEUES for name in (queue, queue + POISON)]
    yield from _compared(account, "queue", "queues", every, there)
    poison = [queue + POISON for queue in QUEUES if queue + POISON in there]
    for found in at.each(poison, lambda name: _given_up(account, name)):
        if found is not None:
            yield found


def _given_up(account: _Account, name: str) -> Result | None:
    counted = _asked(lambda: account.queues.get_queue_client(name).get_queue_properties().approximate_message_count)
    if isinstance(counted, ReadFailed):
        return Result(what=f"queue {name}", state=State.NOT_VISIBLE, scope=account.name, details=(str(counted),))
    if not counted:
        return None
    details = (f"{counted} given up: {_LOST[name.removesuffix(POISON)]}",)
    look = account.az("storage", "message", "peek", "--queue-name", name, "--num-messages", "5")
    return Result(what=f"queue {name}", state=State.WRONG, scope=account.name, details=details, commands=(look,))


def _compared(account: _Account, kind: str, kinds: str, wanted: list[str], there: set[str]) -> Iterator[Result]:
    missing = [name for name in wanted if name not in there]
    if not missing:
        yield Result(what=kinds, state=State.OK, scope=account.name, details=(", ".join(wanted),), vital=True)
    for name in missing:
        create = account.az("storage", kind, "create", "--name", name)
        why = "it is made when it is first written to; a deployment makes it before"
        yield Result(what=f"{kind} {name}", state=State.MISSING, scope=account.name, details=(why,), commands=(create,))


def _unread(at: Deployment, account: _Account, kinds: str, role: str, error: ReadFailed) -> Result:
    """A refusal is a role that is missing; what does not answer cannot be worked with either."""
    commands: tuple[str, ...] = ()
    state = State.WRONG
    if isinstance(error, NotPermitted) and not account.by_key:
        state = State.MISSING
        where = f'"$({az("storage", "account", "show", "--name", account.name, "--query", "id", "--output", "tsv")})"'
        commands = (assign(at.identity(), role, "SCOPE").replace("SCOPE", where),)
    needs = (f"needs {role}, or the account's network keeps us out",) if isinstance(error, NotPermitted) else ()
    gone = ("there is no such account, or its name cannot be resolved from here",) if _is_gone(error) else ()
    details = (str(error), *needs, *gone)
    return Result(what=kinds, state=state, scope=account.name, details=details, commands=commands, vital=True)


def _is_gone(error: ReadFailed) -> bool:
    return isinstance(error, NotFound)


def _asked(ask: Callable[[], T]) -> T | ReadFailed:
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - sorted, and told
        return from_azure_core(error)


CHECK = Check(name="storage", title="Storage", place=50, look=_look, fresh_for=OFTEN, vital=True)
