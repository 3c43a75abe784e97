"""A worker in a process of its own, told by lines of JSON what to do: its time and memory are the product's alone.

It calls what the triggers call. Each line is answered with one: the seconds that it took, the seconds of processor
time, and the memory of the process in MiB.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


def main() -> None:
    """Do what each line of the standard input says."""
    import function_app  # noqa: F401, PLC0415 - the cold start is over when a command comes

    for line in sys.stdin:
        command = json.loads(line)
        began, spent = time.perf_counter(), time.process_time()
        said = _COMMANDS[command.pop("do")](**command)
        answer = {
            "seconds": time.perf_counter() - began,
            "processor": time.process_time() - spent,
            "mebibytes": _memory(),
            "said": said,
        }
        print(json.dumps(answer), flush=True)


def _warm_up() -> None:
    from responders import app  # noqa: PLC0415

    app.warm_up()


def _deliver(events: list[Any]) -> dict[str, int]:
    """Take events in and work off all that comes of them, as the queues would."""
    from diagnostics.codec import to_json  # noqa: PLC0415
    from diagnostics.intake import Event, ended_run  # noqa: PLC0415
    from responders import app  # noqa: PLC0415

    news: deque[str] = deque()
    for event in events:
        found = Event(
            id=event["id"],
            type=event["eventType"],
            source=event["topic"],
            subject=event["subject"],
            time=datetime.fromisoformat(event["eventTime"]),
            data=event["data"],
        )
        news.extend(app.diagnose(to_json(ended_run(found, in_scope=app.in_scope))))
        _tell(news)
    return {"events": len(events)}


def _tell(news: deque[str]) -> None:
    from responders import app  # noqa: PLC0415

    for message in dict.fromkeys(news):
        app.notify(message)
    news.clear()


def _let_pass(minutes: float) -> dict[str, int]:
    """Set the worker's clock on and do what is due then."""
    from responders import app  # noqa: PLC0415

    before = app.clock
    app.clock = lambda: before() + timedelta(minutes=minutes)
    due = deque(app.sweep())
    told = len(due)
    _tell(due)
    return {"told": told}


def _incidents() -> dict[str, int]:
    """Count the incidents, and the runs that were counted to them."""
    from responders import app  # noqa: PLC0415

    incidents = app._incidents()
    every = incidents.all_ones()
    return {"incidents": len(every), "runs": sum(len(incidents.occurrences(one.id)) for one in every)}


def _one_at_a_time() -> None:
    """Let everything that reads do so with one thread, in the order in which it was asked for."""
    from diagnostics import investigating  # noqa: PLC0415
    from diagnostics.probes import artifact, manifest  # noqa: PLC0415

    vars(investigating)["ThreadPoolExecutor"] = _Single
    for probe in (artifact, manifest):
        vars(probe)["said_absent"] = lambda _, ask: ask


class _Single(ThreadPoolExecutor):
    def __init__(self, max_workers: int, **options: Any) -> None:
        del max_workers
        super().__init__(max_workers=1, **options)


def _profile() -> None:
    """Count the processor time of every thread from here on, by where it is spent."""
    threading.Thread(target=_sample, daemon=True).start()


def _sample() -> None:
    """Look at every thread each millisecond; what it spent since goes to the library that it is in now."""
    before: dict[int, float] = {}
    while not _PROFILED.wait(0.001):
        for thread, frame in sys._current_frames().items():
            if thread == threading.get_ident():
                continue
            try:
                spent = time.clock_gettime(time.pthread_getcpuclockid(thread))
            except OSError:  # it has ended
                continue
            _SPENT[_library(frame.f_code.co_filename)] += spent - before.get(thread, spent)
            before[thread] = spent


def _profiled() -> dict[str, float]:
    """Return the seconds of processor time by library; what is built in counts for who called it."""
    _PROFILED.set()
    return dict(_SPENT)


def _library(file: str) -> str:
    _, _, installed = file.partition("site-packages/")
    if installed:
        top = installed.split("/")
        return ".".join(top[:2]) if top[0] == "azure" else top[0].removesuffix(".py")
    for own in ("diagnostics", "responders"):
        if f"/{own}/" in file:
            return f"our {own}/{file.partition(f'/{own}/')[2]}"
    return f"Python's {Path(file).stem}"


_SPENT: defaultdict[str, float] = defaultdict(float)
_PROFILED = threading.Event()


def _memory() -> float:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - a file of the kernel
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


_COMMANDS: Mapping[str, Any] = {
    "warm_up": _warm_up,
    "deliver": _deliver,
    "let_pass": _let_pass,
    "incidents": _incidents,
    "one_at_a_time": _one_at_a_time,
    "profile": _profile,
    "profiled": _profiled,
}

if __name__ == "__main__":
    main()
