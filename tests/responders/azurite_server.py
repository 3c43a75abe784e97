"""Azurite, Microsoft's emulator of storage, started for the tests where it is installed."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[2]
_INSTALLED = _REPOSITORY / ".cache" / "node" / "node_modules" / ".bin" / "azurite"
MISSING = "Azurite is not installed: set PULLMEDIC_AZURITE, or install it into .cache/node"
_TRIES, _POLLS, _POLL_SECONDS = 3, 300, 0.1
# Azurite's own account and key, the same everywhere (Azurite's README, "Default Storage Account").
ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def find_azurite(environ: Mapping[str, str]) -> Path | None:
    """Return where Azurite is, by ``PULLMEDIC_AZURITE`` or in the repository's cache."""
    named = environ.get("PULLMEDIC_AZURITE")
    found = Path(named) if named else _INSTALLED
    return found if found.exists() else None


@contextmanager
def running_azurite(program: Path, folder: Path, accounts: Sequence[str] = ()) -> Iterator[str]:
    """Run Azurite on free ports, all in memory, and yield its connection string; it may have several ``accounts``.

    For one of these, put its name in the place of :data:`ACCOUNT` into the connection string.
    """
    named = {"AZURITE_ACCOUNTS": ";".join(f"{name}:{_KEY}" for name in (ACCOUNT, *accounts))}
    for _ in range(_TRIES):  # another process may take a port between finding it free and listening on it
        ports = _free_ports(3)
        process = subprocess.Popen(
            _command(program, ports),
            cwd=folder,
            env={**os.environ, **named},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            if all(_listens(process, port) for port in ports):
                yield _connection_string(ports)
                return
        finally:
            process.terminate()
            process.wait(timeout=30)
    raise RuntimeError(f"Azurite did not start: {program}")


def _command(program: Path, ports: list[int]) -> list[str]:
    start = ["node", str(program.resolve())]
    named = zip(("--blobPort", "--queuePort", "--tablePort"), map(str, ports), strict=True)
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    return [*start, *options, *(word for pair in named for word in pair)]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [int(opened.getsockname()[1]) for opened in sockets]


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Poll until the port answers; false where the process ended or took too long."""
    for _ in range(_POLLS):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            try:
                process.wait(timeout=_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return False
        return True
    return False


def _connection_string(ports: list[int]) -> str:
    kinds = zip(("Blob", "Queue", "Table"), ports, strict=True)
    ends = ";".join(f"{kind}Endpoint=http://127.0.0.1:{port}/{ACCOUNT}" for kind, port in kinds)
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={_KEY};{ends}"


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the connection string of an Azurite that all tests share; skip where there is none, unless nothing may be."""
    yield from _running(tmp_path_factory)


@pytest.fixture
def own_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the connection string of an Azurite that nobody else writes to, for who counts all that is there."""
    yield from _running(tmp_path_factory)


def _running(folders: pytest.TempPathFactory) -> Iterator[str]:
    program = find_azurite(os.environ)
    if program is None:
        if os.environ.get("PULLMEDIC_NO_SKIPS") == "1":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with running_azurite(program, folders.mktemp("azurite")) as connection:
        yield connection
