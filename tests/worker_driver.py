"""Drives the real Python worker library over ``function_app`` in a process of its own, without a Functions host.

Reads invocations as JSON lines (``{"function", "input", "type", "json"}``) from standard input and prints one JSON line
each: what was indexed first, then the outcome of every invocation. An argument names the folder of another app.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class _Plain(SimpleNamespace):
    """A message of the worker's protocol with nothing but its members."""

    def __init__(self, *positional: Any, **members: Any) -> None:
        super().__init__(**members)
        self.positional = positional


class _Status(_Plain):
    Failure, Success, Cancelled = 0, 1, 2


class _Binding(_Plain):
    undefined, string, binary, stream = 0, 1, 2, 3
    inout, out = 2, 1

    class Direction:
        @staticmethod
        def Value(name: str) -> int:  # noqa: N802 - protobuf's own spelling
            return {"in": 0, "out": 1, "inout": 2}[name.lower()]


class _Protos:
    """The worker takes its message classes from outside; any name it asks for is a plain class here."""

    StatusResult = _Status
    BindingInfo = _Binding

    def __getattr__(self, name: str) -> type[_Plain]:
        return _Plain


async def _drive() -> None:
    from azure_functions_runtime import handle_event, native_invocation  # noqa: PLC0415
    from azure_functions_runtime.bindings.datumdef import Datum  # noqa: PLC0415
    from azure_functions_runtime.utils.threadpool import start_threadpool_executor  # noqa: PLC0415

    start_threadpool_executor()
    root = sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).resolve().parent.parent)
    sys.path.insert(0, root)
    init = SimpleNamespace(capabilities={}, function_app_directory=root)
    request = SimpleNamespace(
        request=SimpleNamespace(worker_init_request=init), properties={"host": "127.0.0.1", "protos": _Protos()}
    )
    answer = await handle_event.worker_init_request(request)
    indexed = await handle_event.functions_metadata_request(request)
    ids = {found.name: found.function_id for found in indexed.function_metadata_results or ()}
    bindings = {
        found.name: [json.loads(raw) for raw in found.raw_bindings] for found in indexed.function_metadata_results or ()
    }
    heavy = [n for n in sys.modules if n.startswith(("azure.ai", "azure.mgmt", "azure.identity", "requests"))]
    print(json.dumps({"status": answer.result.status, "functions": bindings, "heavy": sorted(heavy)}))
    for line in sys.stdin:
        asked = json.loads(line)
        metadata = {"Id": Datum('"1"', "json"), "DequeueCount": Datum("1", "json"), "PopReceipt": Datum('"1"', "json")}
        inputs = [(asked["input"], Datum(asked["json"], asked["type"]))]
        ok, _, outputs, error, _ = await native_invocation.invocation_request_native(
            "1", ids[asked["function"]], inputs, metadata
        )
        print(json.dumps({"ok": ok, "outputs": {n: str(d.value) for n, d in outputs}, "error": error}))


if __name__ == "__main__":
    asyncio.run(_drive())
