"""The settings as they are now: the settings file is read again when it is older than a minute.

A newer version with a mistake in it changes nothing: the last good one stays, and the problem is said loudly, once.
Only ``[fixes]`` does not stay: what is pre-approved has to stand in the file as it is now.
Before there is a good one, whatever can be used of the file runs. Nothing here raises, and nothing is imported that is
heavy until a blob is read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from diagnostics.redaction import redact
from responders.channels import address_problem
from responders.declarations import Problem, Secret
from responders.settings import FILE, Document, Settings, Unread, load_settings, read_document

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["Blob", "Found", "SettingsSource", "blob_problem", "open_source"]

_LOG = logging.getLogger(__name__)
_FRESH = timedelta(seconds=60)
_BLOB_PATH = re.compile(r"/[a-z0-9$](?:[a-z0-9-]{1,61})[a-z0-9]/[A-Za-z0-9._~/-]{1,900}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_SCOPE = "https://storage.azure.com/.default"
"""Audience of Azure Storage in every cloud (Microsoft Learn, "Authorize access to blobs with Microsoft Entra ID")."""

_STAYS = Problem(
    FILE.name, "the newer settings file cannot be used; the last one that could stays, all but its [fixes]"
)
"""A pre-approval that was taken back, or may have been, does not stay: of [fixes] only the newest file counts."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a read found: the file, or why there is none, or ``None`` for no change; and the tag of its version."""

    document: Document | Unread | None
    tag: str = ""


class Reading(Protocol):
    """Protocol: reads the settings file. Never raises."""

    def __call__(self, tag: str, *, now: datetime) -> Found:
        """Return the file unless it still has the version ``tag``."""


def blob_problem(address: str, blob_suffix: str) -> str | None:
    """Say why ``address`` is none of a blob in this cloud, without showing it; ``None`` where it is one.

    A signature in the address is refused: it would be a secret that ends, where the app has an identity.
    """
    problem = address_problem(address)
    if problem:
        return problem
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    account = host.removesuffix(blob_suffix)
    if account == host or not _ACCOUNT.fullmatch(account):
        return f"a settings file is read from https://ACCOUNT{blob_suffix}/ alone"
    if parts.query or parts.fragment:
        return (
            "leave out what follows the blob's name: the app reads it with its identity, which needs the role Storage "
            "Blob Data Reader on the container"
        )
    if not _BLOB_PATH.fullmatch(parts.path):
        return "the address names no blob: https://ACCOUNT" + blob_suffix + "/CONTAINER/settings.toml"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Reads a blob with a token of ``credential`` (Azure Storage REST, *Get Blob* with ``If-None-Match``)."""

    address: str
    credential: Callable[[], TokenCredential]

    def __call__(self, tag: str, *, now: datetime) -> Found:
        """See :class:`Reading`."""
        from responders.sending import Refused, SendError, call  # noqa: PLC0415 - only who keeps the file in a blob pays

        token = self._token()
        if isinstance(token, Unread):
            return Found(token)
        headers = {
            "Authorization": token,
            "x-ms-version": Secret("2021-12-02"),
            "x-ms-date": Secret(format_datetime(now, usegmt=True)),
        }
        if tag:
            headers["If-None-Match"] = Secret(tag)
        try:
            answer = call("GET", Secret(self.address), now=now, accepted=_is_read, headers=headers)
        except Refused as refused:
            return Found(Unread(_refusal(refused.status)))
        except SendError as error:
            return Found(Unread(f"the blob cannot be read now: {error}"))
        if answer.status == 304:
            return Found(None, tag)
        return Found(Document(_name(self.address), answer.body.removeprefix("\ufeff")), answer.headers.get("etag", ""))

    def _token(self) -> Secret | Unread:
        from azure.core.exceptions import AzureError  # noqa: PLC0415

        from diagnostics.azure.errors import NoCredential  # noqa: PLC0415

        try:
            return Secret(f"Bearer {self.credential().get_token(_SCOPE).token}")
        except (AzureError, NoCredential, ValueError) as error:
            return Unread(f"the blob cannot be read: the app's identity got no token ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class _File:
    """Reads a file by its path; its text is its version."""

    path: Path

    def __call__(self, tag: str, *, now: datetime) -> Found:
        del now
        found = read_document(self.path)
        text = found.text if isinstance(found, Document) else ""
        return Found(None, tag) if text and text == tag else Found(found, text)


class SettingsSource:
    """The settings of one worker; safe to share between threads.

    ``read`` is ``None`` where no file is named. ``quiet`` leaves it to the caller to say what is wrong.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        now: Callable[[], datetime],
        read: Reading | None,
        quiet: bool = False,
    ) -> None:
        self._quiet = quiet
        self._environ = environ
        self._now = now
        self._read = read
        self._lock = Lock()
        self._settings: Settings | None = None
        self._good: Settings | None = None  # without a mistake, the newest
        self._some: Settings | None = None  # before there is a good one: what can be used of a wrong one
        self._tag = ""
        self._read_at: datetime | None = None
        self._said: frozenset[str] = frozenset()

    def current(self) -> Settings:
        """Return the settings; it reads the file again when the last time is a minute ago, and says what is new wrong.

        While one thread reads, others get what there is.
        """
        settings = self._settings
        if settings is not None and (self._is_fresh() or not self._lock.acquire(blocking=False)):
            return settings
        if settings is None:
            self._lock.acquire()
        try:
            if self._settings is None or not self._is_fresh():
                self._settings = self._renewed(self._settings)
                if not self._quiet:
                    self._say(self._settings)
            return self._settings
        finally:
            self._lock.release()

    def _is_fresh(self) -> bool:
        return self._read is None or (self._read_at is not None and self._now() < self._read_at + _FRESH)

    def _renewed(self, before: Settings | None) -> Settings:
        now = self._now()
        self._read_at = now
        if self._read is None:
            return load_settings(self._environ, now=now)
        found = self._read(self._tag, now=now)
        if found.document is None and before is not None:
            return before
        self._tag = found.tag
        newer = load_settings(self._environ, now=now, document=found.document or Unread("it says that it is unchanged"))
        mistakes = tuple(problem for problem in newer.problems if not problem.warning and _of_file(problem, newer))
        if not mistakes:
            self._good, self._some = newer, None
            return newer
        if newer.file and self._good is None:
            self._some = newer
            return newer
        stays = self._good or self._some
        if stays is None:
            return newer
        return replace(stays, fixes=newer.fixes, problems=(*stays.problems, _STAYS, *mistakes))

    def _say(self, settings: Settings) -> None:
        """Log what is wrong, each problem once for as long as it stands."""
        told = {str(problem): problem for problem in settings.problems}
        for text, problem in told.items():
            if text not in self._said:
                _LOG.log(logging.WARNING if problem.warning else logging.ERROR, "setting: %s", redact(text))
        if self._said and not told:
            _LOG.info("the settings are in order again")
        self._said = frozenset(told)


def open_source(
    environ: Mapping[str, str],
    *,
    now: Callable[[], datetime],
    credential: Callable[[], TokenCredential] | None = None,
    quiet: bool = False,
) -> SettingsSource:
    """Return the source that ``environ`` names.

    ``credential`` is asked for where a blob is read; one is made if it is missing. ``quiet`` as for the source.
    """
    return SettingsSource(environ, now=now, read=_reading(environ, credential), quiet=quiet)


def _reading(environ: Mapping[str, str], credential: Callable[[], TokenCredential] | None) -> Reading | None:
    named = environ.get(FILE.name, "").strip()
    if not named or named.lower() == "none":
        return None
    if not named.lower().startswith(("http:", "https:")):
        return _File(Path(named))
    from diagnostics.azure.clouds import cloud_named  # noqa: PLC0415

    alone = load_settings(environ, document=Unread("the blob was not read"))
    cloud = cloud_named(alone.cloud.value)
    problem = blob_problem(named, cloud.blob_suffix)
    if problem is not None:
        return _Never(problem)

    def own() -> TokenCredential:
        from diagnostics.azure.credentials import open_credential  # noqa: PLC0415

        return open_credential(cloud, client_id=alone.client_id)

    return Blob(address=named, credential=credential or own)


@dataclass(frozen=True, slots=True)
class _Never:
    """Reads nothing, since the address is wrong; that stays so until the app starts again."""

    why: str

    def __call__(self, tag: str, *, now: datetime) -> Found:
        """See :class:`Reading`."""
        del tag, now
        return Found(Unread(self.why))


def _of_file(problem: Problem, settings: Settings) -> bool:
    return problem.setting == FILE.name or bool(settings.file and problem.setting.startswith(settings.file))


def _is_read(status: int, _: str) -> bool:
    return status in (200, 304)


def _refusal(status: int) -> str:
    reasons = {
        401: "the storage does not take the app's token",
        403: "the app's identity may not read the blob (role Storage Blob Data Reader), or the storage's network keeps "
        "the app out",
        404: "there is no such blob",
    }
    return reasons.get(status, f"the storage answered {status} to the read of the blob")


def _name(address: str) -> str:
    return urlsplit(address).path.rpartition("/")[2]
