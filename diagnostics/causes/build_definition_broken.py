"""The Dockerfile or the environment's definition is at fault."""

from __future__ import annotations

from diagnostics.build_facts import BuildFault, BuildLog
from diagnostics.case import Case
from diagnostics.causes._building import by_log
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement

__all__ = ["CAUSE"]


class BuildDefinitionBroken:
    """Decided by the builder's own complaint of what it was given to build."""

    id = "build-definition-broken"
    title = "The Dockerfile or the environment's definition is at fault"
    step = PullStep.BUILD
    rank = 50
    masked = False
    explains = frozenset({"image-build-failed", "invalid-reference"})
    needs = ("build-log",)

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the builder refuses the definition itself."""
        return by_log(case, self.id, BuildFault.DEFINITION, self.title, lambda log: self._told(case, log))

    def _told(self, case: Case, log: BuildLog | None) -> tuple[str, str, tuple[Remedy, ...]]:
        about = (log.subject if log else "") or case.captured("step") or ""
        headline = f"The environment's definition cannot be built{f': {about}' if about else ''}"
        said = (log.said if log else "") or (case.primary.text.strip() if case.primary else "")
        remedy = Remedy(
            title="Correct the Dockerfile or the environment's definition, register it as a new version and run again",
            detail=f"The builder says: {said[:200]}" if said else "",
        )
        return headline, about or "the environment's definition", (remedy,)


CAUSE = BuildDefinitionBroken()
