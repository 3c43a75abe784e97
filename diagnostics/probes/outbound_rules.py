"""What the workspace's managed network lets out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from diagnostics.facts import Workspace
from diagnostics.model import Fact
from diagnostics.network_facts import OutboundRule, OutboundRules
from diagnostics.probes._network import strings
from diagnostics.probes._shapes import member, properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2025-12-01"
_DISABLED = "Disabled"


class OutboundRulesProbe:
    """Lists the rules of the managed network, those that Azure added included (``workspaces/outboundRules``)."""

    name = "outbound-rules"
    title = "the outbound rules of the workspace's managed network"
    value_type: type = OutboundRules
    needs: tuple[str, ...] = ("workspace",)
    actions: tuple[str, ...] = ("Microsoft.MachineLearningServices/workspaces/outboundRules/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return :class:`OutboundRules`; a workspace without a managed network costs no call."""
        workspace: Workspace = facts["workspace"]
        mode = workspace.isolation_mode or _DISABLED
        if mode.lower() == _DISABLED.lower():
            return control_plane(OutboundRules(mode=_DISABLED), "the workspace's settings", reach)
        listed = reach.arm.pages(f"{subject.run.workspace_id}/outboundRules", api_version=_API)
        rules = OutboundRules(mode=mode, rules=tuple(rule for entry in listed for rule in _rules(entry)))
        return control_plane(rules, "the workspace's outbound rules", reach)


def _rules(entry: Mapping[str, Any]) -> Iterator[OutboundRule]:
    """Yield the rule for each of its destinations; one that denies lets nothing out."""
    properties = properties_of(entry, "an outbound rule")
    destination = member(properties, "destination")
    if (text(destination, "action") or "").lower() == "deny":
        return
    for one in _destinations(destination):
        yield OutboundRule(
            name=text(entry, "name") or "a rule",
            kind=text(properties, "type") or "",
            destination=one,
            status=text(properties, "status"),
            category=text(properties, "category"),
            ports=tuple(port.strip() for port in (text(destination, "portRanges") or "").split(",") if port.strip()),
        )


def _destinations(value: Any) -> tuple[str, ...]:
    """A host name is plain text; a service tag and an endpoint's resource are members of an object.

    Where a service tag's rule has address ranges the tag is ignored (``ServiceTagDestination``, azure-ai-ml).
    """
    if isinstance(value, str):
        return (value,)
    ranges = strings(value, "addressPrefixes")
    return ranges or (text(value, "serviceResourceId") or text(value, "serviceTag") or "",)


PROBE = OutboundRulesProbe()
