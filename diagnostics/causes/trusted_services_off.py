"""A trusted Azure service asked, and the registry lets none of them pass its network rules."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._advice import advised
from diagnostics.causes._commands import az, of_registry
from diagnostics.causes._said import RIGHT_REFUSED, client_address, refused_for_right, said_by_service
from diagnostics.causes._ways import client_is_node
from diagnostics.facts import Registry, Workspace
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_WAY_OUT = "Switch on 'Allow trusted Microsoft services' under the registry's Networking"


class TrustedServicesOff:
    """Source: *Allow trusted services to securely access a network-restricted registry*.

    Azure Machine Learning counts as trusted where one of its own services asks, with a system-assigned identity. A node
    of a cluster is none, whatever its identity; ACR Tasks are a build's matter.
    """

    id = "trusted-services-off"
    title = "The registry does not let trusted Azure services in"
    step = PullStep.NETWORK
    rank = 25
    masked = False
    explains = frozenset({"forbidden", "network-firewall", "network-timeout"})
    needs = ("registry", "compute", "workspace", "outbound-addresses")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where a service of Azure's own was refused by rules that it could have passed."""
        return advised(self._judged(case), _WAY_OUT)

    def _judged(self, case: Case) -> Judgement:
        registry = case.registry
        if registry is None:
            return unread(self.title, case.registry_words, *case.unread("registry"))
        if registry.trusted_services and case.registry_changed:
            return unread(self.title, registry.id.lower(), f"trusted services pass now, but {case.registry_changed}")
        if registry.trusted_services:
            return contradicted(f"{registry.name} lets trusted services pass its network rules")
        if registry.public_access and not registry.denies_by_default:
            return contradicted(f"{registry.name} lets every address in, so nobody needs the bypass")
        if case.symptom == "network-timeout":
            return contradicted("a registry's own rules refuse at once and never let a client wait")
        if case.while_building:
            return unread(self.title, registry.id.lower(), "whether ACR Tasks asked for the build was not checked")
        return _by_client(case, registry)


def _by_client(case: Case, registry: Registry) -> Judgement:
    address = client_address(case)
    if client_is_node(case, str(address) if address else None):
        return contradicted(f"a node of {case.compute_words} asked, which is no trusted service")
    if not said_by_service(case):
        unknown = "whether the client was a trusted service of Azure's: the text does not show it"
        lost = case.unread("compute", "outbound-addresses")
        return unread(TrustedServicesOff.title, registry.id.lower(), unknown, *lost)
    if refused_for_right(case):
        return compatible(TrustedServicesOff.title, RIGHT_REFUSED)
    if case.workspace is None:
        return unread(TrustedServicesOff.title, registry.id.lower(), *case.unread("workspace"))
    if not _system_assigned(case.workspace):
        words = f"the identity of {case.workspace.name} is user-assigned, which no trusted service passes with"
        return compatible(TrustedServicesOff.title, words)
    return _proven(case, registry)


def _system_assigned(workspace: Workspace) -> bool:
    return any(identity.kind == "system-assigned" for identity in workspace.identities)


def _proven(case: Case, registry: Registry) -> Judgement:
    emitter = case.primary.emitter if case.primary else "Azure Machine Learning"
    return proven(
        f"{registry.name} does not let trusted Azure services in, and Azure Machine Learning asked as one",
        f"bypass of {registry.id.lower()}",
        f"{emitter} was refused (the log): a service of Azure's own, not a node of the compute",
        f"the network rule bypass of {registry.name} is None",
        remedies=(
            Remedy(
                title=f"Allow trusted Microsoft services to access {registry.name}",
                detail=(
                    f"Portal: {registry.name} > Networking > Public access > Firewall exception > Allow trusted "
                    "Microsoft services to access this container registry. It holds for system-assigned identities."
                ),
                command=az("acr", "update", "--name", registry.name, "--allow-trusted-services", "true"),
                bicep=f"{of_registry(registry)}properties: {{\n  networkRuleBypassOptions: 'AzureServices'\n}}",
            ),
        ),
    )


CAUSE = TrustedServicesOff()
