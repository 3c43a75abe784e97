"""What stands in front of every service: the world's ``may_not_read`` and the scenario's ``faults``."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from sandbox.azure import entries, table
from sandbox.clouds import hosts_of
from sandbox.wire import Request
from sandbox.world import Scenario

__all__ = ["Fault", "Front"]


class Fault:
    """A call that is answered otherwise. Counts its own use: ``times`` limits it to the first matching
    calls.
    """

    def __init__(self, call: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        self._host, self._path = _pattern(call.get("host")), _pattern(call.get("path"))
        self._method, self._log = call.get("method"), call.get("log")
        self._left, self._lock = answer.get("times"), threading.Lock()
        self.latency_s = (answer.get("latency_ms") or 0) / 1000
        self.cut = bool(answer.get("cut"))
        self.half = bool(answer.get("half"))
        self.body: str | None = answer.get("body")
        self.untrusted = bool(answer.get("untrusted"))
        self.done_first = bool(answer.get("done_first"))
        self.retry_after: int | None = answer.get("retry_after")
        self.status: int | None = answer.get("status") or (429 if self.retry_after is not None else None)
        self.code: str | None = answer.get("code")
        self.message: str | None = answer.get("message")

    @property
    def answers(self) -> bool:
        """Whether the service's own answer never comes."""
        return self.cut or self.half or self.body is not None or self.status is not None

    def at(self, host: str) -> bool:
        """Whether calls of ``host`` are meant, whatever their path."""
        return _fits(self._host, host)

    def matches(self, host: str, path: str, method: str = "GET") -> bool:
        """Whether a call is meant; uses nothing up."""
        if self._log is not None and not _log_path(self._log, host, path):
            return False
        if self._method and self._method.upper() != method:
            return False
        plain = path.partition("?")[0]
        return _fits(self._host, host) and (_fits(self._path, path) or _fits(self._path, plain))

    def takes(self, request: Request) -> bool:
        """Whether this call gets the fault; uses one of its times up."""
        query = request.target.partition("?")[2]
        if not self.matches(request.host, request.path + (f"?{query}" if query else ""), request.method):
            return False
        with self._lock:
            if self._left is None:
                return True
            self._left -= 1
            return bool(self._left >= 0)


def _pattern(text: str | None) -> tuple[str, re.Pattern[str]] | None:
    return (text.lower(), re.compile(text, re.IGNORECASE)) if text else None


def _fits(wanted: tuple[str, re.Pattern[str]] | None, text: str) -> bool:
    return wanted is None or wanted[0] == text.lower() or bool(wanted[1].fullmatch(text))


def _log_path(log: str, host: str, path: str) -> bool:
    return ".blob.core." in host and path.partition("?")[0].endswith(f"/{log}")


class Front:
    """Every fault of a scenario, in the order in which they are tried: stated faults, then what may not be
    read.
    """

    def __init__(self, scenario: Scenario) -> None:
        responder = table(scenario.world, "responder")
        self._manager = hosts_of(scenario.world.get("cloud")).manager
        self._unreadable = [
            Fault(table(it, "call"), {"status": 403, **_stated(table(it, "answer"))})
            for it in entries(responder, "may_not_read")
        ]
        self._faults = [Fault(table(it, "call"), it) for it in scenario.faults] + self._unreadable

    def met_by(self, request: Request) -> list[Fault]:
        """Return the faults that a call runs into: those that only delay, up to and with the first that
        answers.
        """
        met: list[Fault] = []
        for fault in self._faults:
            if fault.takes(request):
                met.append(fault)
                if fault.answers:
                    break
        return met

    def untrusted(self, host: str) -> bool:
        """Whether connections to ``host`` show a certificate that nobody trusts."""
        return any(fault.untrusted and fault.at(host) for fault in self._faults)

    def blocks_action(self, scope: str, action: str) -> bool:
        """Whether the world answers reads of an action's kind with 403, so that the permission cannot be
        held.
        """
        path = _sample_path(scope, action)
        refusals = (it for it in self._unreadable if it.status == 403)
        return any(it.matches(self._manager, path) for it in refusals)


def _stated(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if value is not None}


def _sample_path(scope: str, action: str) -> str:
    """Return a path that reading needs the action for: ``Provider/types/subtypes/read`` of resources with
    made-up names.
    """
    provider, _, rest = action.partition("/")
    types = rest.split("/")[:-1]
    path = "".join(f"/{kind}/x" for kind in types[:-1]) + f"/{types[-1]}" if types else ""
    return f"{scope.rstrip('/')}/providers/{provider}{path}"
