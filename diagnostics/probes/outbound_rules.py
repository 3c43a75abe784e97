"""What the workspace's managed network lets out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.facts import Workspace
from diagnostics.model import Fact
from diagnostics.network_facts import OutboundRule, OutboundRules
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
        rules = OutboundRules(mode=mode, rules=tuple(_rule(entry) for entry in listed))
        return control_plane(rules, "the workspace's outbound rules", reach)


def _rule(entry: Mapping[str, Any]) -> OutboundRule:
    properties = properties_of(entry, "an outbound rule")
    return OutboundRule(
        name=text(entry, "name") or "a rule",
        kind=text(properties, "type") or "",
        destination=_destination(member(properties, "destination")),
        status=text(properties, "status"),
        category=text(properties, "category"),
    )


def _destination(value: Any) -> str:
    """A host name is plain text; a service tag and an endpoint's resource are members of an object."""
    if isinstance(value, str):
        return value
    return text(value, "serviceResourceId") or text(value, "serviceTag") or ""


PROBE = OutboundRulesProbe()
