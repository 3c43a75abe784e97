"""The identity holds a repository role, and the role's condition leaves the image's repository out."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az, bicep_text
from diagnostics.causes._pulling import AUTH_SYMPTOMS, RIGHT_FACTS, UNDATED, in_abac_mode, set_aside
from diagnostics.describing import edited_words, grant_words, mode_words
from diagnostics.facts import Grant
from diagnostics.model import PullStep, Remedy
from diagnostics.permissions import Right
from diagnostics.pull_right import PullRight
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_MOST = 400


class RepositoryConditionExcludesImage:
    """Source: *Microsoft Entra attribute-based access control for repository permissions* (2025-12-11).

    A condition is judged by :mod:`diagnostics.conditions`; one that is not understood never proves anything.
    """

    id = "repository-condition-excludes-image"
    title = "The repository role's condition does not cover this repository"
    step = PullStep.PERMISSION
    rank = 4
    masked = True
    explains = AUTH_SYMPTOMS
    needs = RIGHT_FACTS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where every repository role that is held names other repositories alone."""
        registry = case.registry
        if registry is not None and not registry.abac and not case.registry_changed:
            return contradicted(
                f"{registry.name} works in the mode {mode_words(registry)}, which knows no repositories"
            )
        if (aside := set_aside(case, self.title)) is not None:
            return aside
        return in_abac_mode(case, self.title, self._by_right)

    def _by_right(self, case: Case, right: PullRight) -> Judgement:
        if right.then is Right.GRANTED:
            return contradicted("a role that covers the repository was there")
        if right.then is Right.UNDECIDED or right.undated:
            return _undecided(right)
        return _proven(case, right) if right.narrowed else contradicted("no repository role with a condition was held")


def _undecided(right: PullRight) -> Judgement:
    if right.edited:
        edited = right.edited[0]
        return unread(
            RepositoryConditionExcludesImage.title,
            _target(right),
            edited_words(edited),
            remedies=_remedies(right, edited),
        )
    open_ = next((grant for grant in right.grants if grant.condition and right.by([grant]) is Right.UNDECIDED), None)
    if open_ is None and right.undated and any(grant.condition for grant in right.grants):
        return unread(RepositoryConditionExcludesImage.title, _target(right), UNDATED)
    if open_ is None:
        return contradicted("no repository role with a condition that could leave the repository out is held")
    why = f"whether the condition of {open_.role} covers {right.repository or 'the repository'}: {_quoted(open_)}"
    return unread(RepositoryConditionExcludesImage.title, _target(right), why, remedies=(_widen(right, open_),))


def _target(right: PullRight) -> str:
    return f"{right.target} for {right.repository}"


def _quoted(grant: Grant) -> str:
    condition = " ".join((grant.condition or "").split())
    return condition if len(condition) <= _MOST else condition[:_MOST] + " ..."


def _proven(case: Case, right: PullRight) -> Judgement:
    if right.unseen:
        return unread(RepositoryConditionExcludesImage.title, _target(right), *right.unseen)
    reasons = [f"{right.registry.name} works in the mode {mode_words(right.registry)}"]
    for grant in right.narrowed:
        reasons.append(
            f"{grant_words(grant, right.principal_id)}, under a condition that {right.repository} does not meet"
        )
        reasons.append(f"its condition: {_quoted(grant)}")
    if right.now is Right.GRANTED and right.since:
        reasons.append(f"fixed since: a role that covers it was granted on {right.since:%Y-%m-%d %H:%M} UTC")
    headline = (
        f"{case.compute_words} may not pull {right.repository} from {right.registry.name}: "
        f"the condition of its {right.narrowed[0].role} role leaves that repository out"
    )
    return proven(headline, _target(right), *reasons, remedies=_remedies(right, right.narrowed[0]))


def _remedies(right: PullRight, grant: Grant) -> tuple[Remedy, ...]:
    fixed = right.now is Right.GRANTED
    return (Remedy(title="Run again: the right has been granted since") if fixed else _widen(right, grant),)


def _widen(right: PullRight, grant: Grant) -> Remedy:
    repository = right.repository or ""
    prefix = f"{repository.rpartition('/')[0]}/" if "/" in repository else ""
    named = f"the prefix {prefix!r} (with its closing slash)" if prefix else f"the name {repository!r}"
    return Remedy(
        title=f"Widen the condition of {grant.role} on {right.registry.name} to {repository}",
        detail=(
            f"Portal: {right.registry.name} > Access control (IAM) > Role assignments > {grant.role} > View/Edit "
            f"condition: add {named}. With az: save what the command lists, edit its condition, and hand it to "
            "'az role assignment update --role-assignment'. The same role cannot be assigned a second time."
        ),
        command=az(
            "role", "assignment", "list", "--assignee", right.principal_id, "--role", grant.role, "--scope", grant.scope
        ),
        bicep=(
            f"// in the role assignment of {grant.role}, Microsoft.Authorization/roleAssignments@2022-04-01\n"
            f"condition: {bicep_text(_widened(grant, repository))}\nconditionVersion: '2.0'"
        ),
    )


def _widened(grant: Grant, repository: str) -> str:
    name = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
    condition = " ".join((grant.condition or "").split())
    return f"({condition}) OR ({name} StringEqualsIgnoreCase '{repository}')"


CAUSE = RepositoryConditionExcludesImage()
