"""Resource Manager's providers. Each module in this folder has ``routes(azure)``; adding one means adding a
file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sandbox.azure import Azure
from sandbox.wire import Answer, Reply, Request, json_answer

__all__ = [
    "Found",
    "Route",
    "not_found",
    "ok",
    "page",
    "route",
    "scope_groups",
    "system_data",
]

PAGE = 100
HEADERS = (
    ("x-ms-ratelimit-remaining-subscription-reads", "11999"),
    ("x-ms-ratelimit-remaining-subscription-global-reads", "16499"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
)

Found = Mapping[str, str]
Handler = Callable[[Request, Found], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and the shape of a path, compared without regard to case, as Resource Manager does."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler


def route(method: str, template: str, handler: Handler) -> Route:
    """Return a route; ``{name}`` stands for one segment, ``{name*}`` for any number of them."""
    parts = re.split(r"\{(\w+\*?)\}", template)
    text = "".join(_group(part) if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return Route(method, re.compile(text + "/?", re.IGNORECASE), handler)


def _group(name: str) -> str:
    return f"(?P<{name[:-1]}>.*?)" if name.endswith("*") else f"(?P<{name}>[^/]+)"


def ok(body: object, status: int = 200) -> Answer:
    """Return a successful answer."""
    return json_answer(status, body, HEADERS)


def error(status: int, code: str, message: str) -> Answer:
    """Resource Manager's error envelope (recorded shape)."""
    return json_answer(status, {"error": {"code": code, "message": message}}, (("x-ms-failure-cause", "gateway"),))


def page(request: Request, items: Sequence[object]) -> Answer:
    """One page of a list; ``nextLink`` is absent on the last page (recorded shape)."""
    start = int(request.query.get("$skiptoken") or 0)
    body: dict[str, Any] = {"value": list(items[start : start + PAGE])}
    if start + PAGE < len(items):
        query = {**request.query, "$skiptoken": str(start + PAGE)}
        text = "&".join(f"{quote(key)}={quote(value)}" for key, value in query.items())
        body["nextLink"] = f"https://{request.host}{request.raw_path}?{text}"
    return ok(body)


_RESOURCE = re.compile(r"/subscriptions/[^/]+/resourceGroups/([^/]+)/providers/([^/]+)/(.+?)/?", re.IGNORECASE)


def not_found(path: str) -> Answer:
    """Return the answer for a resource that does not exist (recorded shape)."""
    found = _RESOURCE.fullmatch(path)
    if not found:
        return error(404, "NotFound", f"The resource '{path}' was not found.")
    group, provider, rest = found.groups()
    words = f"The Resource '{provider}/{rest}' under resource group '{group}' was not found."
    return error(404, "ResourceNotFound", words)


def system_data(created: str, *, changed: str = "", suffix: str = "+00:00") -> dict[str, str]:
    """Who made a resource and when, and who changed it last (empty: nobody since). Registries end these times in
    ``+00:00``, workspaces in ``Z`` (recorded shape).
    """
    who = {"By": "owner@contoso.example", "ByType": "User"}
    times = {"created": created, "lastModified": changed or created}
    stamped = {verb: {**who, "At": at.removesuffix("Z") + suffix} for verb, at in times.items()}
    return {f"{verb}{key}": value for verb, it in stamped.items() for key, value in it.items()}


def scope_groups(azure: Azure) -> set[tuple[str, str]]:
    """Every (subscription, resource group) that something of the world stands in, lower case."""
    ids = [azure.workspace_id(it) for it in azure.world.get("workspaces") or ()]
    ids += [it.get("container_registry") or "" for it in azure.world.get("workspaces") or ()]
    ids += [it.get("subnet") or "" for it in azure.world.get("computes") or ()]
    ids += [it["id"] for it in azure.registries()]
    ids += [it["id"] for it in (azure.world.get("network") or {}).get("vnets") or ()]
    ids += [it for zone in azure.world.get("private_dns") or () for it in zone.get("vnet_links") or ()]
    ids += [it["scope"] for it in azure.world.get("role_assignments") or ()]
    parts = [it.lower().split("/") for it in ids]
    return {(it[2], it[4]) for it in parts if len(it) > 4 and it[1] == "subscriptions" and it[3] == "resourcegroups"}
