"""The image sits in a registry that the run had no credential for."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._credentials import (
    connections_to,
    foreign_host,
    registry_host,
    tried_anonymously,
    workspace_words,
)
from diagnostics.model import PullStep, Remedy, Symptom
from diagnostics.pullers import PullerKind
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("registry", "compute", "workspace-connections")
_OPEN = frozenset({"mcr.microsoft.com"})
"""Registries that let everybody pull everything."""

_ALIKE = ("docker.io", "quay.io", "ghcr.io", "registry.gitlab.com", "nvcr.io", "gcr.io", "pkg.dev")
"""Registries that answer the same for a repository that does not exist and for one that is private: public reports have
*unauthorized*, *denied* and *or it may not exist* for packages never published and for names misspelt.
"""

_CLUSTERS = frozenset({"Kubernetes", "AKS"})
"""Kinds of compute that can log in by image pull secrets of their own, which Azure does not show."""

_REFUSED = frozenset({"wrong-password", "password-words", "credential-expired"})
_REFUSED_WORDS = ("oauth token", "token has expired")
"""What only a client reads that has sent something; containerd asks for an *anonymous token* where it has nothing."""

_NOTHING_SENT = "no-credential"
_NOTHING_SENT_WORDS = "anonymous token"


class NoCredentialSent:
    """A refusal of a registry that is neither the workspace's own nor open nor named by any connection."""

    id = "no-credential-sent"
    title = "The image is in a registry that the run had no credential for"
    step = PullStep.IDENTITY
    rank = 15
    masked = False
    explains = frozenset({"unauthorized", "identity-misconfigured"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where nothing that Azure shows could have logged in at the registry, and, unless it is one of
        Azure's, the log says that nothing was sent.
        """
        host = registry_host(case)
        if host is None:
            return unread(self.title, "", "the registry that the image is in")
        sent = _credential(case, host) or _refused(case)
        if sent:
            return contradicted(sent)
        if case.registry is not None and case.registry.anonymous_pull:
            anybody = f"{host} lets anybody pull without a credential"
            changed = case.registry_changed
            return unread(self.title, host, f"{anybody} now, but {changed}") if changed else contradicted(anybody)
        found = connections_to(case)
        if found is None:
            return unread(self.title, host, *case.unread("workspace-connections"), remedies=_remedies(case, host))
        if found:
            return contradicted(f"the workspace has the connection {found[0].name} for {host}")
        if foreign_host(case):
            return self._foreign(case, host)
        return self._azure(case, host)

    def _foreign(self, case: Case, host: str) -> Judgement:
        unseen = _unseen(case, host)
        if unseen:
            return unread(self.title, host, *unseen, remedies=_remedies(case, host))
        return _proven(case, host, f"{host} is no Azure registry, so no identity logs in there")

    def _azure(self, case: Case, host: str) -> Judgement:
        puller, registry = case.puller, case.registry
        if registry is None or puller is None:
            missing = case.unread("registry", "compute") or (f"{host} is in no list of registries that we may read",)
            return unread(self.title, host, *missing, remedies=_remedies(case, host))
        if puller.kind is not PullerKind.NOBODY:
            return unread(self.title, host, puller.reason)
        if not registry.admin_user_enabled:
            return compatible(self.title, "the compute has no identity, which is the nearer reason")
        return _proven(
            case, host, puller.reason, f"the workspace keeps no key of {registry.name}: it is not its own registry"
        )


def _credential(case: Case, host: str) -> str | None:
    """Return what the run had, or why it needs none."""
    details, puller = case.evidence.details, case.puller
    if host in _OPEN:
        return f"{host} lets anybody pull without a credential"
    if details is not None and details.registry_username:
        return "the run's definition holds a user name for the registry"
    if case.lookup is not None and case.lookup.attached:
        return f"{host} is the workspace's own registry"
    if puller is not None and puller.kind is PullerKind.IDENTITY and not foreign_host(case):
        return f"the pull can use the {puller}"
    return None


def _refused(case: Case) -> str | None:
    """Return the words of a credential that was sent and refused; a second try without one may follow it."""
    for symptom in _speaking(case):
        said = symptom.text.strip()
        if symptom.signature in _REFUSED or any(words in said.lower() for words in _REFUSED_WORDS):
            return f"the log says that a credential was sent and refused: {said[:200]}"
    return None


def _unseen(case: Case, host: str) -> tuple[str, ...]:
    """Say what would have to be seen before a registry that is none of Azure's can be said to have got nothing."""
    plain = host.partition(":")[0]
    if any(plain == it or plain.endswith(f".{it}") for it in _ALIKE):
        return (f"whether the repository exists: {host} answers the same for a private one as for none",)
    if case.symptom != "unauthorized":
        return (f"whether {host} wanted a credential",)
    if case.compute is not None and case.compute.kind in _CLUSTERS:
        return (f"whether the cluster of {case.compute.name} has an image pull secret for {host}",)
    if tried_anonymously(case):
        return ()
    if case.compute is None:
        return case.unread("compute")
    nothing = any(it.signature == _NOTHING_SENT or _NOTHING_SENT_WORDS in it.text.lower() for it in _speaking(case))
    return () if nothing else ("whether a credential was sent: the log does not say it",)


def _speaking(case: Case) -> tuple[Symptom, ...]:
    return tuple(symptom for symptom in case.evidence.symptoms if symptom.id == case.symptom)


def _proven(case: Case, host: str, *why: str) -> Judgement:
    reasons = [
        *why,
        f"the workspace has no connection for {host}, and the run's definition holds no user name for it",
        "it does not let everybody in",
    ]
    if tried_anonymously(case):
        reasons.append("the log itself says that the pull was tried without a credential")
    headline = f"No credential was sent to {host}: the workspace has none for it"
    return proven(headline, host, *reasons, remedies=_remedies(case, host))


def _remedies(case: Case, host: str) -> tuple[Remedy, ...]:
    workspace, group = workspace_words(case)
    own = (
        case.workspace.container_registry.rsplit("/", 1)[-1]
        if case.workspace and case.workspace.container_registry
        else ""
    )
    move = (
        Remedy(
            title=f"Or copy the image into the workspace's own registry {own}",
            command=az("acr", "import", "--name", own, "--source", str(case.image)) if case.image else "",
        ),
    )
    return (
        Remedy(
            title=f"Add a workspace connection for {host}",
            detail=(
                "Studio: Settings > Connections > Add > Container registry, with a user name and a token that may pull "
                "only. In a file: type: container_registry, target: the registry, credentials: username_password."
            ),
            command=az(
                "ml", "connection", "create", "--file", "connection.yml", "--workspace-name", workspace,
                "--resource-group", group,
            ),
        ),
        *(move if own else ()),
    )  # fmt: skip


CAUSE = NoCredentialSent()
