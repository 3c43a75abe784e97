"""The registry lets in listed addresses only, and the one that it saw is not among them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from diagnostics.case import Case
from diagnostics.causes._commands import az, bicep_text, of_registry
from diagnostics.causes._ways import may_go_privately
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]


class AddressNotAllowed:
    """The address is the one that the registry itself named in its refusal; ours would say nothing."""

    id = "address-not-allowed"
    title = "The registry's network rules do not let the compute's address in"
    step = PullStep.NETWORK
    rank = 30
    masked = False
    explains = frozenset({"network-firewall", "forbidden"})
    needs = ("registry", "compute", "workspace")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the registry denies by default and no rule covers the address in the log."""
        registry, address = case.registry, case.captured("address")
        target = f"{address or 'an address'} on {case.registry_words}"
        if registry is None:
            return unread(_headline(case, address), target, *case.unread("registry"))
        if not registry.public_access:
            return contradicted(f"the public access of {registry.name} is off as a whole, so its rules do not count")
        if not registry.denies_by_default and case.registry_changed:
            return unread(_headline(case, address), target, f"every address is let in now, but {case.registry_changed}")
        if not registry.denies_by_default:
            return contradicted(f"{registry.name} lets every address in")
        if case.while_building:
            return unread(self.title, target, "it was the image build that was refused, whose addresses change")
        if registry.private_endpoints and may_go_privately(case):
            private = f"{registry.name} has a private endpoint; whether the compute should use it was not checked"
            return unread(self.title, target, private)
        if not registry.trusted_services:
            trusted = f"{registry.name} lets no trusted service pass its rules; whether the client was one is not known"
            return unread(self.title, target, trusted)
        if address is None:
            return unread(self.title, target, "the log does not show the address that the registry saw")
        return _against_rules(case, registry, address)


def _against_rules(case: Case, registry: Registry, address: str) -> Judgement:
    covering = _covering(registry, address)
    if covering is None:
        return unread(
            AddressNotAllowed.title, address, f"{address} is no address that could be compared with the rules"
        )
    if covering:
        if registry.changed_at is not None and registry.changed_at <= case.failed_at:
            return contradicted(f"the rule {covering} lets {address} in")
        known = "was changed since the failure" if registry.changed_at else "does not say when it was last changed"
        since = f"the rule {covering} covers {address}; {registry.name} {known}, so it may be new"
        return unread(_headline(case, address), f"{address} on {registry.id.lower()}", since)
    rules = ", ".join(registry.ip_rules) or "none"
    return proven(
        _headline(case, address),
        f"{address} on {registry.id.lower()}",
        f"{registry.name} denies by default and allows only: {rules}",
        f"the registry saw {address} (the log), which is in none of these rules",
        remedies=_remedies(registry, address),
    )


def _headline(case: Case, address: str | None) -> str:
    who = f"address {address} of {case.compute_words}" if address else f"address of {case.compute_words}"
    return f"{case.registry_words} does not let the {who} in"


def _covering(registry: Registry, address: str) -> str | None:
    """Return the rule that covers ``address``, an empty string for none, ``None`` where it is no address."""
    try:
        wanted = ip_address(address)
    except ValueError:
        return None
    for rule in registry.ip_rules:
        try:
            if wanted in ip_network(rule, strict=False):
                return rule
        except ValueError:
            continue
    return ""


def _remedies(registry: Registry, address: str) -> tuple[Remedy, ...]:
    return (
        Remedy(
            title=f"Allow {address} on {registry.name}",
            detail=(
                f"Portal: {registry.name} > Networking > Public access > Selected networks > add {address}. It must be "
                "an address that stays (NAT gateway or firewall); else give the compute a private endpoint."
            ),
            command=az("acr", "network-rule", "add", "--name", registry.name, "--ip-address", address),
            bicep=_bicep(registry, address),
        ),
    )


def _bicep(registry: Registry, address: str) -> str:
    rules = "\n".join(f"      {{ value: {bicep_text(rule)} }}" for rule in (*registry.ip_rules, address))
    return (
        f"{of_registry(registry)}"
        f"properties: {{\n  networkRuleSet: {{\n    defaultAction: 'Deny'\n    ipRules: [\n{rules}\n    ]\n  }}\n}}"
    )


CAUSE = AddressNotAllowed()
