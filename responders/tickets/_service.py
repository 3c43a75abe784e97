"""What every tracker asks its service with: one base address, its own credential, answers that are read strictly."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from diagnostics.shapes import shaped
from responders.channels import Options, address_problem
from responders.declarations import Secret
from responders.sending import Receipt, Refused, TryLater, call
from responders.wording import one_line

__all__ = ["Service", "basic", "credential_problem", "folded", "host_problem", "listed", "moment", "read", "zulu"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The one host that a tracker's credential is sent to.

    ``base`` is ``https://host`` with the beginning of every path; ``headers`` gives the headers of each request,
    credential included; ``hints`` say by status what somebody has to do where the service refuses.
    """

    base: str
    headers: Callable[[], Mapping[str, Secret]]
    hints: Mapping[int, str]

    def ask(
        self,
        method: str,
        path: str,
        payload: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        now: datetime,
        taken: Collection[int] = (200, 201),
        more_headers: Mapping[str, str] | None = None,
    ) -> Receipt:
        """Make one request; ``taken`` are the statuses that are no error. Raises as :func:`responders.sending.call`."""
        more = {name: Secret(value) for name, value in (more_headers or {}).items()}
        try:
            return call(
                method,
                Secret(self.base + path),
                payload,
                now=now,
                accepted=lambda status, _: status in taken,
                headers={**self.headers(), **more},
            )
        except Refused as refused:
            said = Refused(refused.status, self.explained(refused.status, refused.word))
        raise said

    def explained(self, status: int, word: str) -> str:
        """Return what to do, and the service's own word."""
        hint = self.hints.get(status, "")
        return f"{hint} ({word})" if hint and word else hint or word


def read(receipt: Receipt, kind: type[T]) -> T:
    """Return the answer as ``kind``. Raises :class:`TryLater` where it has another shape: something stands between."""
    try:
        return shaped(receipt.json(), kind)
    except msgspec.ValidationError:
        said = TryLater(f"answered {receipt.status} in a shape that is not known", taken=True)
    raise said


def moment(text: str | None) -> datetime | None:
    """Return a time in UTC; one that states no zone is UTC. ``None`` where it is none."""
    try:
        time = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return time and (time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC))


def zulu(time: datetime) -> str:
    """Return a time in whole seconds of UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def basic(user: str, password: Secret) -> Secret:
    """Return the value of an ``Authorization`` header (RFC 7617)."""
    return Secret("Basic " + base64.b64encode(f"{user}:{password.reveal()}".encode()).decode())


def listed(text: str) -> tuple[str, ...]:
    """Return the entries of a list that is separated by commas."""
    return tuple(dict.fromkeys(one_line(entry) for entry in text.split(",") if entry.strip()))


def folded(name: str) -> str:
    """Return a name for comparing: products differ in case, and write *Won't* with either apostrophe."""
    return name.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").strip().casefold()


def host_problem(host: str) -> str | None:
    """Say why ``host`` is no name of a host; ``None`` where it is one."""
    named = "." in host and not any(c in host for c in "/?#@:[]%")
    if not named or address_problem(f"https://{host}/") is not None or host.replace(".", "").isdigit():
        return "it is no name of a host, such as github.example.com"
    return None


def credential_problem(options: Options, name: str) -> str | None:
    """Say why a secret cannot stand in a header; ``None`` where it can. Shows nothing of it."""
    value = options.secret(name).reveal()
    if value.startswith("@Microsoft.KeyVault("):
        return "the Key Vault reference was not resolved: check the app's identity and its right on the secret"
    if not value or not value.isprintable() or not value.isascii():
        return "it is empty, or holds a character that no credential has"
    return None
