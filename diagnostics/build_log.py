"""Reading of image build logs: which step failed, and the line that explains it. Pure: no I/O.

Three builders write them: ACR Tasks (classic Docker or BuildKit behind ``acb_step_N``), a workspace's image build
compute, and serverless compute (``imgbldrun_...``). The wrapper names a log, the log's last lines name a step, and
the reason stands above: so a step's lines are searched from its first one, and the first error of a known kind counts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from diagnostics.build_facts import Builder, BuildFault, BuildLog
from diagnostics.linear import Match, Pattern, pattern
from diagnostics.model import LogExcerpt, Symptom

__all__ = [
    "BuildPlace",
    "build_places",
    "is_build_log",
    "is_build_run",
    "is_of_build_place",
    "led_by_build",
    "read_build_log",
    "while_building",
    "without_done_builds",
]

_BUILD_RUN = "imgbldrun_"
"""What the ids of the runs begin with that build an image on a compute, in the experiment ``prepare_image``."""

_MOST_PLACES = 2
_QUOTED = 300
_MOST_HITS = 60

_STEP = pattern(r"(?im)^.*?(?:\bstep \d+/\d+ ?: ?(?P<classic>\S.*)|#\d+ \[(?:[\w.-]+ )?\d+/\d+\] (?P<kit>[A-Z]\S*.*))$")
_KIT_FAILED = pattern(
    r"(?im)^.*?(?:ERROR: failed to solve|ERROR: process \"|executor failed running \[|#\d+ ERROR:).*$"
)
_COMMAND = pattern(r"(?im)^.*?The command .* returned a non-zero code: \d+")
_NAME_END = r"[\w\])>*]"
_FAULTS: tuple[tuple[str, Pattern], ...] = (
    (
        BuildFault.LOGIN,
        pattern(r"(?im)^.*?(?:failed to login, ran out of retries|failed to set docker credentials).*$"),
    ),
    (
        BuildFault.DEFINITION,
        pattern(
            r"(?im)^.*?(?:dockerfile parse error.*|unknown instruction: (?P<a>\S+).*"
            r"|(?:failed to read|cannot locate specified|failed to open) dockerfile:? ?(?P<b>\S*).*"
            r"|(?:COPY|ADD) failed: (?:file not found|stat|no source files|forbidden path) ?(?P<c>.*)"
            r"|failed to (?:compute|calculate) (?:cache key|checksum of ref)[^\"\n]*(?P<d>\"[^\"\n]*\")?.*"
            r"|unable to prepare context.*|failed to parse (?:stage name|platform).*|file with no instructions.*"
            r"|EnvironmentFileNotFound.*|error while (?:loading|parsing) conda.*|InvalidVersionSpec.*"
            r"|(?:yaml\.|ruamel[\w.]*)\w*(?:Scanner|Parser)Error.*)$"
        ),
    ),
    (
        BuildFault.BASE_IMAGE,
        pattern(
            r"(?im)^.*?(?:pull access denied for (?P<a>[^\s,\"']*\w)"
            r"|manifest for (?P<b>[^\s,\"']*\w) not found"
            r"|failed to (?:resolve source metadata|load metadata) for (?P<c>[^\s,\"']*\w)"
            r"|failed to solve: (?P<d>[\w.-]+[/:][^\s,\"']*\w): "
            r"(?:not found|failed|unexpected status|pull access|error)"
            r"|toomanyrequests: you have reached your).*$"
        ),
    ),
    (
        BuildFault.DEPENDENCY,
        pattern(
            r"(?im)^.*?(?:ERROR: (?:could not find a version that satisfies the requirement"
            rf"|no matching distribution found for) (?P<a>[^\s'\",;()]*{_NAME_END}).*"
            rf"|ERROR: cannot install (?P<b>[^\s'\",;()]*{_NAME_END}).*|ResolutionImpossible.*"
            r"|ERROR: (?:failed building wheel for|failed to build installable wheels[^\n(]*\(?"
            rf"|could not build wheels for) ?(?P<c>[^\s'\",;()]*{_NAME_END})?.*"
            rf"|nothing provides (?:requested )?(?P<d>[^\s'\",;()]*{_NAME_END}).*"
            rf"|E: unable to locate package (?P<e>[^\s'\",;()]*{_NAME_END}).*"
            rf"|E: package '?(?P<f>[^\s'\",;()]*{_NAME_END})'? has no installation candidate.*"
            r"|E: (?:failed to fetch|unable to fetch|the repository) (?P<g>\S*\w)?.*"
            rf"|(?:ResolvePackageNotFound|PackagesNotFoundError)[^\n]*(?:\n\s*)+- (?P<h>[^\s'\",;()]*{_NAME_END})"
            r"|(?:ResolvePackageNotFound|PackagesNotFoundError|(?:LibMamba)?UnsatisfiableError|could not solve for).*"
            r"|ERROR: unable to select packages.*|(?:error|unable) (?:to )?find a match: (?P<i>\S+).*"
            r"|npm ERR! (?:404|code E?\d+).*|fatal: (?:could not read username|authentication failed|repository).*"
            r"|ERROR: (?:command errored out|could not install packages|THESE PACKAGES DO NOT MATCH"
            r"|invalid requirement).*"
            r"|(?:CondaValueError: pip returned an error|CondaEnvException: pip failed|pip failed with).*"
            r"|error: subprocess-exited-with-error.*)"
        ),
    ),
)
_PULL_FAULT = pattern(
    r"(?im)^.*?(?:error response from daemon|toomanyrequests|unauthorized|denied:|manifest unknown|no such host"
    r"|no matching manifest|x509:|i/o timeout|TLS handshake timeout|invalid reference format).*$"
)
_ABOVE = pattern(
    r"(?im)^.*?(?:connection broken by|NewConnectionError|could not fetch URL|SSLError|HTTP error \d{3}"
    r"|\b(?:401|403|404|407|503)\b (?:client|server) error|Temporary failure (?:in name resolution|resolving)"
    r"|CondaHTTPError|conflict is caused by|requires a different python|fatal: |gcc: error|No space left).*$"
)
_BUILDERS = (
    (Builder.SERVERLESS, pattern(r"(?i)Image Build on Serverless Compute|imgbldrun_")),
    (Builder.TASKS, pattern(r"(?im)acb_(?:step|default|vol)_|^.*?Run ID: \w+ (?:failed|was successful)|acrtaskprod")),
    (Builder.COMPUTE, pattern(r"(?i)Logging into Docker registry: |Running: \['docker', 'build'")),
)
_DONE = pattern(
    r"(?im)\bRun ID: \w+ was successful after|Successfully pushed image|^.*\bdigest: sha256:[0-9a-f]+ size: \d+$"
)
_NOT_DONE = pattern(
    r"(?im)failed to run step ID|returned a non-zero code|ERROR: failed to solve|Run ID: \w+ failed after"
)
_IS_LOG = pattern(r"(?i)image_build_log|rawtext\.log|build run |ACR Tasks run")
_IS_TEXT = pattern(
    r"(?im)\bstep \d+/\d+ ?: ?\S|acb_(?:step|default|vol)_|azureml-environment-setup|#\d+ \[(?:[\w.-]+ )?\d+/\d+\] "
    r"|Image Build on Serverless|Logging into Docker registry: "
)
_COLLECTING = pattern(r"(?im)\bCollecting ([^\s'\",;()]{1,300})")
_ADDRESS = pattern(r"(?i)client with IP(?: address)? ['\"]?([0-9a-f.:]+[0-9a-f])")
_FROM = pattern(r"(?i)^FROM\s+(?:--platform=\S+\s+)?([^\s\"']*\w)")
_PREFIX = pattern(r"^(?:\d{4}[-/]\d\d[-/]\d\d[T ][\d:.]+Z?:? ?|#\d+ (?:\d+\.\d+ )?)+")
_RUN = pattern(r"\b(imgbldrun_[A-Za-z0-9_-]{1,64})\b")
_RUN_LINK = pattern(r"/prepare_image/runs/([A-Za-z0-9][A-Za-z0-9_-]{0,99})")
_TASK = pattern(
    r"acrtaskprod[a-z0-9]{1,24}\.blob\.core\.[a-z0-9.]{5,40}/[^\s\"'<>?]{1,200}/logs/([a-z0-9]{1,24})/rawtext\.log"
)
_BUILDER = pattern(r"(?i)(?:ACR through )?ACR Tasks")
"""What the name of an emitter begins with that does nothing but build."""


_RUN_NAME, _TASK_NAME = "build run ", "log of ACR Tasks run "


@dataclass(frozen=True, slots=True, order=True)
class BuildPlace:
    """Where a build's log lies that is no file of the run: another run of the workspace, or a run of ACR Tasks."""

    kind: str
    id: str

    @property
    def name(self) -> str:
        """What the place is called where its log is quoted."""
        return f"{_RUN_NAME if self.kind == 'run' else _TASK_NAME}{self.id}"


def build_places(excerpts: Iterable[LogExcerpt]) -> tuple[BuildPlace, ...]:
    """Return the build runs and ACR Tasks runs that the text names, in its order, a few at most.

    Only their ids are taken from the text: where their logs lie is asked of Azure, never of the text.
    """
    found: list[BuildPlace] = []
    for excerpt in excerpts:
        text = "\n".join(excerpt.lines)
        for kind, wanted in (("run", _RUN), ("run", _RUN_LINK), ("task", _TASK)):
            found += [BuildPlace(kind, match.group(1)) for match in _some(wanted, text)]
    return tuple(dict.fromkeys(found))[:_MOST_PLACES]


def is_of_build_place(file: str) -> bool:
    """Tell whether ``file`` is quoted from a :class:`BuildPlace`, and so is no word of the failed run's own."""
    return file.startswith((_RUN_NAME, _TASK_NAME))


def is_build_log(excerpt: LogExcerpt) -> bool:
    """Tell whether an excerpt is of a build's log, by its name or by what only builders write."""
    return bool(_IS_LOG.search(excerpt.file) or _IS_TEXT.search("\n".join(excerpt.lines)))


def is_build_run(run_id: str) -> bool:
    """Tell by its id whether a run is one that Azure ML started to build an image."""
    return run_id.startswith(_BUILD_RUN)


def while_building(symptoms: Sequence[Symptom], run_id: str) -> bool:
    """Tell whether an image was being built when it failed, rather than pulled: the one place that decides it.

    It was where the run that tells of it is a build's own, where any symptom is of a build or names a cause of one, or
    where the first symptom, which is to be explained, stands in a build's log or is a builder's own word. What a
    client says that builds as well as pulls (``docker``, BuildKit) shows nothing, and neither does a file with
    ``build`` somewhere in its name.
    """
    if is_build_run(run_id) or any(symptom.id == "image-build-failed" or _names_build(symptom) for symptom in symptoms):
        return True
    return any(is_build_log(first.excerpt) or _BUILDER.match(first.emitter) for first in symptoms[:1])


def _names_build(symptom: Symptom) -> bool:
    return any(name.startswith("build-") for name in symptom.names)


def without_done_builds(excerpts: Iterable[LogExcerpt]) -> tuple[LogExcerpt, ...]:
    """Return the excerpts without those of builds that ended well: what went wrong on their way stopped nothing."""
    read = tuple(excerpts)
    done = {excerpt.file for excerpt in read if _IS_LOG.search(excerpt.file) and _ended_well(excerpt)}
    return tuple(excerpt for excerpt in read if excerpt.file not in done)


def _ended_well(excerpt: LogExcerpt) -> bool:
    text = "\n".join(excerpt.lines)
    done = list(_some(_DONE, text))
    return bool(done) and _NOT_DONE.search(text, done[-1].end()) is None


def led_by_build(symptoms: tuple[Symptom, ...], log: BuildLog) -> tuple[Symptom, ...]:
    """Return the symptoms with those of the build first where its log shows that it stopped at what it was to build.

    Other refusals in such a log stopped nothing: a cache that is not there yet, a warning of a package's source.
    """
    if log.fault not in (BuildFault.DEPENDENCY, BuildFault.DEFINITION):
        return symptoms
    return tuple(sorted(symptoms, key=lambda symptom: symptom.id != "image-build-failed"))


def read_build_log(excerpts: Iterable[LogExcerpt]) -> BuildLog | None:
    """Return what the build logs among ``excerpts`` say, of several the one that says most; ``None`` without any."""
    read = [_read(excerpt) for excerpt in excerpts if is_build_log(excerpt)]
    ranked = sorted(read, key=lambda log: (not log.fault, not log.step, not log.builder))
    return ranked[0] if ranked else None


class _Text:
    """One excerpt's text with its line numbers."""

    def __init__(self, excerpt: LogExcerpt) -> None:
        self.excerpt = excerpt
        self.text = "\n".join(excerpt.lines)
        self._starts = [0]
        for line in excerpt.lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def index(self, offset: int) -> int:
        """Return the index of the line at ``offset``."""
        return min(bisect_right(self._starts, offset) - 1, len(self.excerpt.lines) - 1)

    def start(self, index: int) -> int:
        """Return where a line begins."""
        return self._starts[index]

    def shown(self, index: int) -> str:
        """Return a line without its time, short enough to quote."""
        return _PREFIX.sub("", self.excerpt.lines[index]).strip()[:_QUOTED]


@dataclass(frozen=True, slots=True)
class _Step:
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class _Fault:
    kind: str
    index: int
    subject: str


def _read(excerpt: LogExcerpt) -> BuildLog:
    text = _Text(excerpt)
    step = _failed_step(text)
    fault = _fault(text, step)
    above = _above(text, step, fault)
    number = excerpt.number
    return BuildLog(
        file=excerpt.file,
        builder=_builder(text),
        fault=fault.kind if fault else "",
        step=step.text if step and fault else "",
        step_line=number(step.index) if step and fault else 0,
        said=text.shown(fault.index) if fault else "",
        said_line=number(fault.index) if fault else 0,
        above=text.shown(above) if above is not None else "",
        above_line=number(above) if above is not None else 0,
        subject=fault.subject if fault else "",
        address=_address(text, fault),
    )


def _builder(text: _Text) -> str:
    whole = f"{text.excerpt.file}\n{text.text}"
    return next((word for word, wanted in _BUILDERS if wanted.search(whole)), "")


def _failed_step(text: _Text) -> _Step | None:
    """Return the step that failed: of BuildKit's the one whose command the error repeats, else the last one begun."""
    steps = [
        _Step(text.index(match.end() - 1), (match.group(1) or match.group(2)).strip()[:_QUOTED])
        for match in _STEP.finditer(text.text)
    ]
    failure = _KIT_FAILED.search(text.text)
    if failure is not None:
        said = text.text[failure.start() : failure.end() + 2000]
        named = [step for step in steps if len(step.text) > 6 and step.text.partition(" ")[2][:60] in said]
        return named[0] if named else (steps[-1] if steps else None)
    return steps[-1] if steps else None


def _fault(text: _Text, step: _Step | None) -> _Fault | None:
    """Return the first known error within the failing step, else anywhere, else that the step failed."""
    start = text.start(step.index) if step else 0
    found = _first_fault(text, start) or (_first_fault(text, 0) if start else None)
    base = _FROM.match(step.text) if step else None
    if base is not None and (found is None or found.kind == BuildFault.STEP):
        pulled = _PULL_FAULT.search(text.text, start)
        if pulled is not None:
            return _Fault(BuildFault.BASE_IMAGE, text.index(pulled.end() - 1), base.group(1))
    if found is not None and found.kind == BuildFault.BASE_IMAGE and base is not None and _is_of(found, base.group(1)):
        return _Fault(found.kind, found.index, base.group(1))
    if found is not None:
        return found
    failed = _COMMAND.search(text.text, start) or _KIT_FAILED.search(text.text, start)
    return _Fault(BuildFault.STEP, text.index(failed.end() - 1), "") if failed else None


def _is_of(fault: _Fault, base: str) -> bool:
    """Tell whether the refusal is of the step's base image: Docker's may leave out the tag, and some name nothing."""
    return not fault.subject or base.startswith((f"{fault.subject}:", f"{fault.subject}@"))


def _first_fault(text: _Text, start: int) -> _Fault | None:
    hits = []
    for kind, wanted in _FAULTS:
        match = wanted.search(text.text, start)
        if match is not None:
            subject = next((group.strip("\"' ") for group in match.groups() if group), "")
            if kind == BuildFault.DEPENDENCY and not subject:
                subject = _collected(text, start, match.start())
            hits.append((match.start(), _Fault(kind, _line_of(text, match), subject[:_QUOTED])))
    return min(hits, key=lambda hit: hit[0])[1] if hits else None


def _collected(text: _Text, start: int, end: int) -> str:
    """Return what pip was at when it failed: the last that it began to collect."""
    found = [match.group(1) for match in _COLLECTING.finditer(text.text[start:end])]
    return found[-1] if found else ""


def _line_of(text: _Text, match: Match[str]) -> int:
    """A package that is listed on the lines below belongs to the line that complains."""
    return text.index(match.start())


def _above(text: _Text, step: _Step | None, fault: _Fault | None) -> int | None:
    """Return the line that explains the error from above it, within the same step."""
    if fault is None or fault.kind not in (BuildFault.DEPENDENCY, BuildFault.STEP):
        return None
    start = text.start(step.index) if step and step.index < fault.index else 0
    match = _ABOVE.search(text.text[: text.start(fault.index)], start)
    return text.index(match.end() - 1) if match else None


def _address(text: _Text, fault: _Fault | None) -> str:
    if fault is None or fault.kind != BuildFault.LOGIN:
        return ""
    match = _ADDRESS.search(text.text, text.start(fault.index))
    return match.group(1) if match else ""


def _some(wanted: Pattern, text: str) -> Iterator[Match[str]]:
    for count, match in enumerate(wanted.finditer(text)):
        if count == _MOST_HITS:
            return
        yield match
