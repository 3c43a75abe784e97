"""What stands in front of a registry's data plane: its network rules, and what the world says of the way
there.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.azure import Azure, entries, table
from sandbox.wire import CUT, Answer, Reply, Request

__all__ = ["stopped"]

_MANIFESTS = re.compile(r"/v2/.+/manifests/[^/]+")

MakeError = Callable[[Request, int, str | None, str | None], Answer]


def stopped(
    azure: Azure, server: str, registry: Mapping[str, Any] | None, request: Request, error: MakeError
) -> Reply | None:
    """Return what a call meets before the registry itself; ``None`` where it gets through.

    In this order: the answer that the world states, the registry's own rules for the responder's address,
    and a cut connection where the responder cannot reach the registry and no rule of it says why.
    """
    plane = azure.data_plane(server)
    answer, reachable = table(plane, "answer"), plane.get("reachable_from_responder")
    if answer and (answer.get("calls") != "manifests" or _MANIFESTS.fullmatch(request.path)):
        made = error(request, answer.get("status") or 403, answer.get("code"), answer.get("message"))
        return made.retry_after(answer.get("retry_after"))
    if reachable or answer:
        return None
    if registry is not None and _denied(registry, azure.responder.get("outbound_ip")):
        return error(request, 403, "DENIED", None)
    return CUT if reachable is False or _unresolvable(azure, server) else None


def _denied(registry: Mapping[str, Any], address: str | None) -> bool:
    """Rules count on Premium alone; an address that nobody stated passes none."""
    if registry.get("publicNetworkAccess") == "Disabled":
        return True
    rules = table(registry, "networkRuleSet")
    if registry.get("sku") != "Premium" or rules.get("defaultAction") != "Deny":
        return False
    return not address or not any(_covers(rule, address) for rule in entries(rules, "ipRules"))


def _covers(rule: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(rule, strict=False)


def _unresolvable(azure: Azure, server: str) -> bool:
    answers = {it["host"].lower(): it.get("answer") or "" for it in entries(azure.world, "public_dns")}
    return answers.get(server.lower(), "").lower().startswith("nx")
