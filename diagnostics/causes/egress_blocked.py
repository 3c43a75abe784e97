"""The compute's own network lets nothing out to the host in the log."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._advice import advised
from diagnostics.causes._destinations import Destination
from diagnostics.causes._egress import EGRESS_FACTS, Egress, egress_to
from diagnostics.causes._said import far_address, host_of, layer_host, refused_by_registry
from diagnostics.causes._ways import perhaps_private, private_way
from diagnostics.model import PullStep
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_WAY_OUT = "Allow the registry's hosts in the network security group, firewall or managed network"


class EgressBlocked:
    """By the rules of a managed network, a security group, a route or a firewall, for the very host in the log.

    A registry's own rules answer with 403 at once and never with silence.
    """

    id = "egress-blocked"
    title = "The compute's own network lets nothing out to the registry"
    step = PullStep.NETWORK
    rank = 15
    masked = False
    explains = frozenset({"network-firewall", "network-timeout", "tls"})
    needs = (*EGRESS_FACTS, "private-endpoints")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where a rule set of the compute's network has no way out for the host."""
        return advised(self._judged(case), _WAY_OUT)

    def _judged(self, case: Case) -> Judgement:
        host = host_of(case)
        if case.while_building:
            return unread(self.title, host or "", "the build's way out was not checked")
        if refused_by_registry(case):
            return contradicted("the registry itself answered, so the way out is open")
        if (layers := layer_host(case)) is not None:
            return contradicted(f"the log-in passed; it is {layers}, the layers' host, that was not reached")
        if host is None:
            return unread(self.title, "", "the log does not show which host was called")
        if (privately := _privately(case)) is not None:
            return privately
        region = case.registry.region if case.registry else ""
        found = egress_to(case, Destination(host=host, address=far_address(case), region=region))
        return self._by_rules(case, host, found)

    def _by_rules(self, case: Case, host: str, found: Egress) -> Judgement:
        if found.blocked and (unknown := _perhaps_privately(case, host)):
            return unread(self.title, host, *unknown)
        if found.blocked:
            called = f"the call that failed went to {host} (the log)"
            headline = f"the network of {case.compute_words} lets nothing out to {host}"
            return proven(headline, found.target, found.blocked, called, remedies=found.remedies)
        if found.unknown:
            return unread(self.title, host, *found.unknown)
        if self.id in case.named:
            return unread(self.title, host, f"{found.open} now; since when, Azure does not say")
        return contradicted(found.open)


def _privately(case: Case) -> Judgement | None:
    """Where an approved private endpoint serves the compute, the public way out is not the one that was meant."""
    registry = case.registry
    if registry is None or host_of(case) != registry.login_server:
        return None
    way = private_way(case, registry)
    address = far_address(case)
    if way.approved and not Destination(host=registry.login_server, address=address).private:
        words = f"a private way is there ({way.words}): whether the name leads to it comes before the way out"
        return compatible(EgressBlocked.title, words)
    return None


def _perhaps_privately(case: Case, host: str) -> tuple[str, ...]:
    """Say why the public way out may not be the one that was meant, where no address shows which it was."""
    registry = case.registry
    if registry is None or host != registry.login_server or far_address(case) is not None:
        return ()
    return perhaps_private(case, registry)


CAUSE = EgressBlocked()
