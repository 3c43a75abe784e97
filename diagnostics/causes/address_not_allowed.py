"""The registry lets in listed addresses only, and the one that it saw is not among them."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._advice import advised
from diagnostics.causes._commands import az, bicep_text, of_registry
from diagnostics.causes._said import said_by_service
from diagnostics.causes._ways import WAY_FACTS, client_is_node, covering_rule, private_way
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_WAY_OUT = "Compare the address in the log with the registry's rules (Networking, Public access)"


class AddressNotAllowed:
    """The address is the one that the registry itself named in its refusal; ours would say nothing."""

    id = "address-not-allowed"
    title = "The registry's network rules do not let the compute's address in"
    step = PullStep.NETWORK
    rank = 30
    masked = False
    explains = frozenset({"network-firewall", "forbidden"})
    needs = (*WAY_FACTS, "outbound-addresses")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the registry denies by default and no rule covers the address in the log."""
        return advised(self._judged(case), _WAY_OUT)

    def _judged(self, case: Case) -> Judgement:
        registry, address = case.registry, _seen_address(case)
        target = f"{address or 'an address'} on {case.registry_words}"
        if registry is None:
            return unread(_headline(case, address), target, *case.unread("registry"))
        if not registry.public_access:
            return contradicted(f"the public access of {registry.name} is off as a whole, so its rules do not count")
        if not registry.denies_by_default:
            return _open_now(case, registry, target)
        if case.while_building:
            return unread(self.title, target, "it was the image build that was refused, whose addresses change")
        if (other := _other_way(case, registry, address, target)) is not None:
            return other
        if address is None:
            return unread(self.title, target, "the log does not show the address that the registry saw")
        return _against_rules(case, registry, address)


def _other_way(case: Case, registry: Registry, address: str | None, target: str) -> Judgement | None:
    """A private way to mend, or a trusted service as the client, goes before a rule for an address."""
    way = private_way(case, registry)
    if way.endpoints:
        return contradicted(f"the compute has a private way, which is the one to mend: {way.words}")
    if way.unknown:
        return unread(AddressNotAllowed.title, target, *way.unknown)
    if registry.trusted_services or client_is_node(case, address):
        return None
    if said_by_service(case):
        return contradicted(f"the client was a service of Azure's, which the bypass of {registry.name} is for")
    trusted = f"{registry.name} lets no trusted service pass its rules; whether the client was one is not known"
    return unread(AddressNotAllowed.title, target, trusted, *case.unread("outbound-addresses"))


def _seen_address(case: Case) -> str | None:
    """Return the client's address as the registry named it: what a timeout shows is the far side's."""
    refusals = (symptom for symptom in case.evidence.symptoms if symptom.id in AddressNotAllowed.explains)
    return next((found for symptom in refusals if (found := symptom.captured.get("address"))), None)


def _open_now(case: Case, registry: Registry, target: str) -> Judgement:
    if case.registry_changed:
        return unread(AddressNotAllowed.title, target, f"every address is let in now, but {case.registry_changed}")
    return contradicted(f"{registry.name} lets every address in")


def _against_rules(case: Case, registry: Registry, address: str) -> Judgement:
    covering = covering_rule(registry, address)
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
