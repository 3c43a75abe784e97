"""A package could not be installed while the environment's image was built."""

from __future__ import annotations

from diagnostics.build_facts import BuildFault, BuildLog
from diagnostics.case import Case
from diagnostics.causes._building import by_log
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement

__all__ = ["CAUSE"]


class BuildDependencyFailed:
    """Decided by the installer's own error in the build log: nobody else can know it."""

    id = "build-dependency-failed"
    title = "A package could not be installed while the environment's image was built"
    step = PullStep.BUILD
    rank = 40
    masked = False
    explains = frozenset({"image-build-failed"})
    needs = ("build-log",)

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where an installer says that it failed."""
        return by_log(case, self.id, BuildFault.DEPENDENCY, self.title, lambda log: self._told(case, log))

    def _told(self, case: Case, log: BuildLog | None) -> tuple[str, str, tuple[Remedy, ...]]:
        package = (log.subject if log else "") or case.captured("package") or ""
        named = f"the package {package}" if package else "a package"
        headline = f"Building the environment's image failed on {named}"
        if log is not None and log.above:
            headline += f": {log.above[:120]}"
        return headline, package or "a package", (_remedy(package, log),)


def _remedy(package: str, log: BuildLog | None) -> Remedy:
    title = f"Correct or pin {package or 'the package'} in the environment's definition, then build again"
    reached = log is not None and log.above
    detail = "The package's source could not be used as the line above says: settle that first." if reached else ""
    return Remedy(title=title, detail=detail)


CAUSE = BuildDependencyFailed()
