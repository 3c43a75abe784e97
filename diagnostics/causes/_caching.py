"""What a cache rule means for an image that the registry does not have: it was to come from somewhere else."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.credential_facts import CacheRule, CacheRules
from diagnostics.model import Unknown

__all__ = ["fetched_words", "not_fetched"]


def not_fetched(case: Case) -> tuple[str, ...]:
    """Say that the registry could not look where a rule fetches from: then its *not found* says nothing.

    Where we could not see whether a rule covers the repository, that is said as well.
    """
    if case.registry is not None and isinstance(case.evidence.facts.get("cache-rules"), Unknown):
        return case.unread("cache-rules")
    rule = _covering(case)
    if rule is None or not rule.broken:
        return ()
    said = f" ({rule.credential_error})" if rule.credential_error else ""
    login = f"the cache rule {rule.name} cannot log in there with the credential set {rule.credential_set}{said}"
    return (f"whether {rule.source} has it: {login}",)


def fetched_words(case: Case) -> tuple[str, ...]:
    """Say where the image would have come from: there it has to be looked for."""
    rule = _covering(case)
    if rule is None or rule.broken:
        return ()
    return (f"the cache rule {rule.name} fetches {rule.target} from {rule.source}, which does not have it either",)


def _covering(case: Case) -> CacheRule | None:
    rules = case.value("cache-rules", CacheRules)
    return rules.covering if rules is not None else None
