"""A proxy or firewall inspects the traffic and presents a certificate of its own."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._advice import advised
from diagnostics.causes._destinations import Destination, names_host
from diagnostics.causes._egress import firewall_for
from diagnostics.causes._said import far_address, host_of
from diagnostics.causes._ways import Place, place_of
from diagnostics.model import PullStep, Remedy
from diagnostics.network_facts import Firewall, last
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_PUBLIC_ISSUERS = (
    *("digicert", "microsoft azure", "microsoft rsa", "microsoft ecc", "baltimore", "let's encrypt", "isrg"),
    *("globalsign", "sectigo", "amazon", "google trust", "gts ", "usertrust", "entrust", "starfield", "geotrust"),
)
"""Public authorities, of which Azure's and the known registries' certificates are issued."""

_PUBLIC_HOSTS = (
    *("*.azurecr.io", "*.azurecr.us", "*.azurecr.cn", "mcr.microsoft.com", "*.mcr.microsoft.com"),
    *("docker.io", "*.docker.io", "ghcr.io", "quay.io", "nvcr.io", "*.windows.net", "*.microsoftonline.com"),
)
"""Hosts that present a public certificate to everybody; a team's own registry may have an authority of its own."""

_UNTRUSTED = ("unknown authority", "self-signed", "self signed", "local issuer", "not trusted", "untrusted")
_FACTS = ("compute", "workspace", "compute-network", "routes", "firewalls")

_WAY_OUT = "Exempt the registry's hosts from inspection, or add the proxy's authority to the compute"


class TlsIntercepted:
    """The issuer of a refused certificate only the client knows: its statement in the log decides."""

    id = "tls-intercepted"
    title = "A proxy inspects the traffic to the registry and presents its own certificate"
    step = PullStep.NETWORK
    rank = 18
    masked = False
    explains = frozenset({"tls"})
    needs = ("registry", *_FACTS)

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where a public host presented a private authority's certificate, or a firewall opens TLS."""
        return advised(self._judged(case), _WAY_OUT)

    def _judged(self, case: Case) -> Judgement:
        host = host_of(case)
        issuer = case.captured("issuer") if self.id in case.decisive else None
        if issuer and any(name in issuer.lower() for name in _PUBLIC_ISSUERS):
            return contradicted(f"the certificate is of {issuer}, a public authority: the client does not know it")
        if host is None or not names_host(_PUBLIC_HOSTS, host):
            words = f"whether {host or 'the host'} has a certificate of a public authority at all is not known"
            return unread(self.title, issuer or host or "", words)
        firewall = firewall_for(case, Destination(host=host, address=far_address(case)))
        inspecting = firewall if firewall is not None and firewall.authority else None
        if issuer:
            return _by_issuer(case, host, issuer, inspecting)
        return self._by_firewall(case, host, inspecting)

    def _by_firewall(self, case: Case, host: str, inspecting: Firewall | None) -> Judgement:
        said = case.primary.text.lower() if case.primary else ""
        if not any(words in said for words in _UNTRUSTED):
            return compatible(self.title, "the text does not say that the certificate's authority is unknown")
        if inspecting is not None and _opens(inspecting, host):
            return _proven(case, host, inspecting.authority or "", (_inspection(inspecting),), inspecting)
        missing = case.unread(*_FACTS) if place_of(case) in (Place.SUBNET, Place.UNKNOWN) else ()
        return unread(self.title, host, *missing, "the log does not name the certificate's issuer")


def _opens(firewall: Firewall, host: str) -> bool:
    """TLS inspection is switched on for each application rule (*Azure Firewall Premium features*)."""
    return any(rule.opens_tls and rule.allow and names_host(rule.hosts, host) for rule in firewall.rules)


def _inspection(firewall: Firewall) -> str:
    return f"the firewall {last(firewall.id)} on the way out inspects TLS, with certificates of {firewall.authority}"


def _by_issuer(case: Case, host: str, issuer: str, inspecting: Firewall | None) -> Judgement:
    emitter = case.primary.emitter if case.primary else "the client"
    reasons = [f"{emitter} names the issuer of the certificate it refused: {issuer}, which is no public authority"]
    if inspecting is not None:
        reasons.append(_inspection(inspecting))
    return _proven(case, host, issuer, tuple(reasons), inspecting)


def _proven(case: Case, host: str, issuer: str, reasons: tuple[str, ...], firewall: Firewall | None) -> Judgement:
    return proven(
        f"{case.compute_words} was shown a certificate of {issuer} in place of {host}'s own: the traffic is inspected",
        f"{issuer} for {host}",
        *reasons,
        remedies=_remedies(host, issuer, firewall),
    )


def _remedies(host: str, issuer: str, firewall: Firewall | None) -> tuple[Remedy, ...]:
    place = f"Portal: Firewall Policies > {last(firewall.policy or firewall.id)} > " if firewall else "On the proxy: "
    exempt = Remedy(
        title=f"Exempt {host} from TLS inspection",
        detail=(
            f"{place}an application rule for {host} (and the registry's data endpoints) without TLS inspection, before "
            "the one that inspects. Nodes of a managed compute trust public authorities only."
        ),
    )
    own = Remedy(title=f"Or reach the registry by a private endpoint, where {issuer} need not stand in front")
    return (exempt, own)


CAUSE = TlsIntercepted()
