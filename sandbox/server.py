"""A running sandbox: one world behind one port."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.access import Access
from sandbox.azure import Azure, entries, table
from sandbox.faults import Fault, Front
from sandbox.proxy import LOOPBACK, Proxy
from sandbox.records import Call, Message, Recorder, Refusal, Violation, Write
from sandbox.services import Service, build_all, event_grid, identity, slack, teams
from sandbox.tls import write_bundle
from sandbox.tokens import DEVOPS_AUDIENCE, LEARNING_AUDIENCE, STORAGE_AUDIENCE, Ledger, Token
from sandbox.wire import CUT, Answer, Half, Reply, Request, json_answer, text_answer
from sandbox.world import Scenario

__all__ = ["SENTINEL_PREFIX", "Sandbox"]

SENTINEL_PREFIX = "SandboxSecret"
_KEPT_HEADERS = (
    "accept",
    "content-type",
    "range",
    "x-ms-range",
    "user-agent",
    "retry-after",
    "x-ms-client-request-id",
)


class Sandbox:
    """A simulated Azure on loopback. A context manager; safe to read from any thread while it answers.

    ``sentinel`` is the text that stands wherever Azure has a secret (tokens, signatures, webhook addresses,
    passwords, parameters): it must show up nowhere. ``clock`` (monotonic seconds) stamps calls, ``now``
    (Unix seconds) tokens; by it a new role assignment begins to count.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        port: int = 0,
        sentinel: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.scenario = scenario
        self.sentinel = sentinel or SENTINEL_PREFIX + secrets.token_hex(12)
        self._recorder, self._clock, self._now = Recorder(), clock, now
        self._stopping = threading.Event()
        self._folder: Path | None = None
        self._proxy = Proxy(self._answer, self._connected, lambda host: not self._front.untrusted(host), port)
        self._begin()

    def _begin(self) -> None:
        tenant = table(self.scenario.world, "responder").get("tenant") or "00000000-0000-0000-0000-000000000000"
        tokens = Ledger(self.sentinel, self._now, tenant)
        access = Access(self.scenario.world, self._now)
        self._azure = Azure(self.scenario, self._recorder, tokens, access, self.sentinel, self._now)
        self._front = Front(self.scenario)
        self._services: list[Service] = build_all(self._azure)
        planes = entries(self._azure.responder, "data_plane")
        self._untouchable = {it["login_server"].lower() for it in planes if it.get("must_not_be_asked")}

    def start(self) -> Self:
        """Begin to answer; returns itself."""
        self._folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
        self._bundle = write_bundle(self._folder)
        self._proxy.start()
        return self

    def stop(self) -> None:
        """Close every connection and remove the certificate's file."""
        self._stopping.set()
        self._proxy.stop()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The proxy's address."""
        return f"http://{LOOPBACK}:{self._proxy.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point an unmodified program here. Some clients read the lower-case names, so
        both.
        """
        loopback = f"{LOOPBACK},localhost"
        bundle = str(self._bundle)
        return {
            "HTTPS_PROXY": self.url,
            "https_proxy": self.url,
            "NO_PROXY": loopback,
            "no_proxy": loopback,
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "IDENTITY_ENDPOINT": self.url + identity.PATH,
            "IDENTITY_HEADER": self.sentinel,
        }

    @property
    def azure(self) -> Azure:
        """What its services share."""
        return self._azure

    @property
    def slack_webhook_url(self) -> str:
        """A Slack webhook; what it accepts is recorded as channel ``slack``."""
        return slack.webhook_url(self._azure, "slack")

    @property
    def slack_fallback_webhook_url(self) -> str:
        """A second Slack webhook, channel ``slack-fallback``."""
        return slack.webhook_url(self._azure, "slack-fallback")

    @property
    def slack_workspace(self) -> slack.Slack:
        """The simulated workspace of Slack: the app's token and signing secret, and what stands in its channels."""
        return next(service for service in self._services if isinstance(service, slack.Slack))

    @property
    def teams_webhook_url(self) -> str:
        """A Teams workflow, channel ``teams``."""
        return teams.webhook_url(self._azure, "teams")

    @property
    def teams_fallback_webhook_url(self) -> str:
        """A second Teams workflow, channel ``teams-fallback``."""
        return teams.webhook_url(self._azure, "teams-fallback")

    @property
    def calls(self) -> list[Call]:
        """Every request, in the order in which they were answered."""
        return self._recorder.calls

    @property
    def messages(self) -> list[Message]:
        """What the channels accepted, in order."""
        return self._recorder.messages

    @property
    def access(self) -> Access:
        """Who may do what, as it stands: people change it while a story goes on."""
        return self._azure.access

    @property
    def writes(self) -> list[Write]:
        """What was changed in Azure, in order."""
        return self._recorder.writes

    @property
    def refused(self) -> list[Refusal]:
        """What was asked and is not simulated. A test that passes leaves it empty."""
        return self._recorder.refused

    @property
    def violations(self) -> list[Violation]:
        """What no careful client sends: a token to the wrong host, a call to a host that must not
        be asked.
        """
        return self._recorder.violations

    @property
    def hosts(self) -> list[str]:
        """The hosts that connections were asked for, in order, whether or not a request followed."""
        return self._recorder.hosts

    def fails(self, *faults: Mapping[str, Any]) -> None:
        """Let calls fail in these ways from now on, in place of those that the scenario states."""
        self._front = Front(replace(self.scenario, faults=faults))

    def reset(self) -> None:
        """Forget the records; the state of the world stays."""
        self._recorder.reset()

    def _connected(self, host: str) -> None:
        self._recorder.connected(host)
        if host in self._untouchable:
            self._recorder.add(Violation("CONNECT", host, "", "the world says that this host must not be asked"))

    def _answer(self, request: Request) -> Reply:
        started = self._clock()
        for token in self._azure.tokens.within(" ".join(_places(request))):
            if not self._may_go(token, request):
                rule = f"a token for {token.audience} was sent to a host that must not get it"
                self._recorder.add(Violation(request.method, request.host, request.path, rule))
        try:
            reply = self._reply(request)
        except Exception as error:  # noqa: BLE001 - a server must answer: the caller sees 500, the test sees the record
            reply = self._refuse(request, 500, f"the sandbox failed: {error!r}")
        if isinstance(reply, Answer) and reply.header("date") is None:
            reply = reply.plus(("Date", formatdate(self._now(), usegmt=True)))
        status = getattr(reply, "status", 0)
        kept = {key: request.headers[key] for key in _KEPT_HEADERS if key in request.headers}
        body = request.body.decode("utf-8", "replace")
        self._recorder.add(Call(request.method, request.host, request.target, status, started, kept, body))
        return reply

    def _reply(self, request: Request) -> Reply:
        service = next((it for it in self._services if it.knows(request.host)), None)
        for fault in self._front.met_by(request):
            if fault.latency_s:
                self._stopping.wait(fault.latency_s)
            if (reply := _faulty(fault, service, request)) is not None:
                if fault.done_first and service is not None:
                    service.answer(request)
                return reply
            if fault.half and service is not None and isinstance(made := service.answer(request), Answer):
                return Half(made)
        if service is None or (request.scheme == "http") != (request.host == LOOPBACK):
            return self._refuse(request, 501, f"the host {request.host} is not part of this simulated Azure")
        reply = service.answer(request)
        if reply is None and request.method == "HEAD" and request.path == "/":
            return Answer(404)  # whoever only wants to know whether a host answers gets an answer
        if reply is None:
            return self._refuse(request, 501, f"{request.method} {request.path} of {request.host} is not simulated")
        return reply

    def _refuse(self, request: Request, status: int, reason: str) -> Reply:
        self._recorder.add(Refusal(request.method, request.host, request.target, reason))
        body = {"code": "NotSimulated", "message": reason, "host": request.host, "path": request.path}
        return json_answer(status, {"error": body})

    def _may_go(self, token: Token, request: Request) -> bool:
        """Whether a token may stand in a request: each goes to its own audience, and to registries for the
        exchange.
        """
        if token.kind != "azure":
            return request.host == token.audience or request.host.endswith(f".geo{self._azure.hosts.registry_suffix}")
        hosts = self._azure.hosts
        if token.audience in hosts.audiences and request.host == hosts.manager:
            return True
        if token.audience == DEVOPS_AUDIENCE:
            return request.host == "dev.azure.com" or request.host.endswith(".visualstudio.com")
        if token.audience in hosts.audiences and request.host.endswith(hosts.learning_suffix):
            return request.bearer is not None
        if token.audience == LEARNING_AUDIENCE:
            return request.host == hosts.manager and request.bearer is not None
        if token.audience == event_grid.AUDIENCE and request.host.endswith(".eventgrid.azure.net"):
            return request.bearer is not None
        if token.audience == STORAGE_AUDIENCE:
            return request.host.endswith(".core.windows.net") and request.bearer is not None
        exchange = request.path == "/oauth2/exchange" and request.bearer is None
        return exchange and self._azure.registry_at(request.host) is not None


def _places(request: Request) -> tuple[str, ...]:
    headers = (request.headers.get(name, "") for name in ("authorization", "x-azureml-token"))
    return (*headers, request.target, request.body.decode("utf-8", "replace"))


def _faulty(fault: Fault, service: Service | None, request: Request) -> Reply | None:
    if fault.cut:
        return CUT
    if fault.body is not None:
        return text_answer(fault.status or 200, fault.body, "text/html" if "<" in fault.body else "application/json")
    if fault.status is None:
        return None
    if service is None:
        made = json_answer(fault.status, {"error": {"code": fault.code, "message": fault.message}})
    else:
        made = service.error(request, fault.status, fault.code, fault.message)
    return made.retry_after(fault.retry_after)
