"""Reading logs: the cost of a large one, and how fast texts are classified beside tools that search for the same."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from diagnostics.classification import classify, library
from diagnostics.logs import WHOLE, RangeAnswer, excerpts_of_text, read_ranged
from diagnostics.signatures import rules
from tests.bench.figures import Figure, at_most

__all__ = ["figures", "log_of"]

_ROUNDS = 7
_LOGS = 8
"""Logs of 1 MiB that each tool reads in one go, so that starting a process weighs little."""

_LINES = (
    "2026-11-02T07:14:{s:02d}Z INFO lifecycler: pulled layer {n:08x} of contoso.azurecr.io/vision/train, going on",
    "2026-11-02T07:14:{s:02d}Z INFO hosttools_capability: metric cpu.{n} of node 10.0.0.{s}: {n}.5 percent",
    "[{n:10d}] epoch {s}/90 step {n}: loss={n}.0431 lr=3e-4 throughput={n} samples/s",
    "2026-11-02 07:14:{s:02d},118 WARNING data_capability: retry {s} of reading shard-{n:06d}.tar took {n} ms",
    'time="2026-11-02T07:14:{s:02d}Z" level=info msg="container state" id={n:016x} state=created pid={n}',
    "    at step_{n} (/mnt/azureml/cr/j/{n:08x}/exe/wd/train.py:{s})",
)
_FAILURE = (
    "AzureMLCompute job failed.\nFailedPullingImage: Unable to pull docker image\n"
    "\timageName: contoso.azurecr.io/vision/train:7\n\terror: Run docker command to pull private image failed with "
    'error: Error response from daemon: Head "https://contoso.azurecr.io/v2/vision/train/manifests/7": unauthorized: '
    "authentication required, visit https://aka.ms/acr/authorization for more information.\n"
)


def figures() -> Iterator[Figure]:
    """Yield the figures of reading."""
    yield from _large_log()
    yield from _beside_other_tools()


def _large_log() -> Iterator[Figure]:
    small, large = log_of(10 * 1024**2), log_of(1024**3)
    timed: dict[str, list[float]] = {"small": [], "large": []}
    for _ in range(_ROUNDS):
        timed["small"].append(_timed(lambda: classify(read_ranged("10 MiB", small))))
        timed["large"].append(_timed(lambda: classify(read_ranged("1 GiB", large))))
    ratio = statistics.median(timed["large"]) / statistics.median(timed["small"])
    yield at_most("reading and classifying a log of 1 GiB against one of 10 MiB", ratio, 1.2)


def log_of(size: int) -> Callable[..., RangeAnswer]:
    """Return a log of ``size`` bytes that is made where it is read."""
    line = b"2026-11-02T07:14:55Z INFO lifecycler: pulled layer 4f1e of contoso.azurecr.io/vision/train, going on\n"

    def fetch(*, first: int | None, last: int | None, suffix: int | None) -> RangeAnswer:
        begin = size - suffix if suffix is not None else (first or 0)
        end = size - 1 if last is None else min(last, size - 1)
        whole = line * ((end - begin + 1) // len(line) + 2)
        start = begin % len(line)
        return RangeAnswer(total=size, data=whole[start : start + end - begin + 1])

    return fetch


def _beside_other_tools() -> Iterator[Figure]:
    """Search logs of failed runs for all signatures, each tool with its own spelling of the same patterns.

    ``grep`` knows neither line ends within a pattern nor groups that only group: a stretch over several lines is one
    within a line there, which spares it work.
    """
    log = _log_of_a_run()
    excerpts = excerpts_of_text("user_logs/std_log.txt", log)
    assert classify(excerpts)[0].id == "unauthorized"
    expressions = [signature.expression for rule in rules() for signature in rule.signatures]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "log").write_text(log * _LOGS, encoding="utf-8")
        (folder / "grep").write_text("\n".join(_for_grep(it) for it in expressions) + "\n", encoding="utf-8")
        (folder / "rg").write_text("\n".join(_for_ripgrep(it) for it in expressions) + "\n", encoding="utf-8")
        tools = {
            "grep -E": ["grep", "-E", "-i", "-c", "-f", "grep", "log"],
            "ripgrep": ["rg", "-U", "-c", "--regex-size-limit", "1G", "--dfa-size-limit", "4G", "-f", "rg", "log"],
        }
        ways: dict[str, Callable[[], object]] = {
            tool: partial(_searched, command, folder) for tool, command in tools.items() if shutil.which(command[0])
        }
        ways["the search alone"] = lambda: [list(library().hitting(log.encode())) for _ in range(_LOGS)]
        ways["classify"] = lambda: [classify(excerpts) for _ in range(_LOGS)]
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(_ROUNDS):
            for way, work in ways.items():
                taken[way].append(_timed(work))
    seconds = {way: statistics.median(each) for way, each in taken.items()}
    mebibytes = len(log) * _LOGS / 1024**2
    for tool in tools:
        name = f"classifying against {tool} with the same {len(expressions)} patterns: time"
        if tool not in seconds:
            yield Figure(name=name, measured="not here", aim="<= 1 times")
        elif tool == "ripgrep":
            yield Figure(name=name, measured=f"{seconds['classify'] / seconds[tool]:.2f} times")
        else:
            yield at_most(name, seconds["classify"] / seconds[tool], 1)
    rates = ", ".join(f"{way} {mebibytes / each:.0f}" for way, each in seconds.items())
    yield Figure(name=f"  in MiB a second: {rates}", measured="")


def _searched(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0, done.stderr


def _log_of_a_run() -> str:
    """Return a log of 1 MiB, as much as is ever read of one: its lines differ, and its end says why it failed."""
    lines, length = [], 0
    number = 0
    while length < WHOLE - len(_FAILURE) - 200:
        number += 1
        line = _LINES[number % len(_LINES)].format(n=number * 7919 % 100_000_007, s=number % 60)
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines) + "\n" + _FAILURE


def _for_ripgrep(expression: str) -> str:
    return re.sub(r"\\([\"'/<> ])", r"\1", re.sub(r"\(\?P<\w+>", "(?:", expression))


def _for_grep(expression: str) -> str:
    spelt = re.sub(r"\(\?(?:P<\w+>|[a-z-]*:)", "(", expression.replace("(?im)", ""))
    spelt = spelt.replace("(?:[^\\n]*\\n){0,4}?", "").replace("(?:[^\\n]*\\n){0,12}?", "")
    spelt = re.sub(r"\(\[\^\\n\]\*\\n\)\{0,\d+\}\??", "", spelt)
    spelt = spelt.replace(r"[^\S\n]", "[ \t]").replace(r"\d", "[0-9]").replace(r"\n", "")
    spelt = re.sub(r"\[\^\]", ".", spelt)
    return re.sub(r"([*+?}])\?", r"\1", spelt)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
