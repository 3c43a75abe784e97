"""What a month costs: usage counted in a played story, prices with their source and date, and the table of both.

``python -m tools.cost --measure`` plays the story on a sandbox whose every answer takes 100 ms, with a real store on
Azurite, and prints what :data:`COUNTED` and :data:`SECONDS` hold. A test holds the counts against a story played anew;
seconds depend on the machine and are no test's matter.
"""

from __future__ import annotations

import argparse
import logging
import math
import re
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tools.triggers import triggers

__all__ = [
    "COUNTED",
    "PRICES",
    "Counted",
    "Price",
    "bill",
    "count",
    "formula",
    "main",
    "prices",
    "table",
    "timer_runs",
    "usage",
]

STORY = Path(__file__).resolve().parent.parent / "sandbox" / "scenarios" / "missing-pull-role.yaml"
_LATENCY_MS = 100
_WIRE = "azure.core.pipeline.policies.http_logging_policy"
_ASKED = re.compile(r"Request URL: 'http://127\.0\.0\.1:(\d+)/")

RUNS = (10, 1_000, 100_000)
COMPLETED_PER_FAILED = 10
"""How many runs complete for each that fails: each is an event and a look at the open incidents."""

STATUSES_PER_RUN = 10
"""Event Grid counts each status of each run as published, whether or not a filter lets it through."""

DAYS = 30

ARM_BUCKET, ARM_REFILL = 250, 25
"""Reads for each subscription and identity in a region (*Understand how Azure Resource Manager throttles requests*)."""
INSTANCE_GB = 2.0
SHORTEST_SECONDS = 1.0
"""An execution is billed as at least a second (*Azure Functions Flex Consumption plan hosting*)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one failed run, from its event to its message in Slack, takes. ``log_bytes`` is UTF-8 text."""

    executions: int
    queue_messages: int
    table_operations: int
    blob_operations: int
    azure_reads: int
    arm_reads: int
    log_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for ``per`` units, of which ``free`` are free each month, and where that is said."""

    name: str
    unit: str
    units: str
    dollars: float
    per: int
    free: int
    source: str
    verified: bool


COUNTED = Counted(
    executions=4,
    queue_messages=3,
    table_operations=43,
    blob_operations=4,
    azure_reads=16,
    arm_reads=8,
    log_bytes=580,
)

SECONDS = 4.0
"""From the event to the message in a worker that has just started, every answer of Azure taking 100 ms, rounded up."""

LOG_BYTES_PER_EXECUTION = 1_500
"""What Application Insights keeps of an execution beside our own lines: taken, not measured."""

PRICES: Mapping[str, Price] = {
    "gb_seconds": Price(
        name="execution time",
        unit="GB-second",
        units="GB-seconds",
        dollars=0.000026,
        per=1,
        free=100_000,
        source="Modal, *Azure Functions pricing: Consumption vs. Flex Consumption*, May 2025, East US",
        verified=True,
    ),
    "executions": Price(
        name="executions",
        unit="execution",
        units="number",
        dollars=0.40,
        per=1_000_000,
        free=250_000,
        source="free grant: go2share.net, *Azure Function Flex Consumption*; the price: general knowledge",
        verified=False,
    ),
    "log_gb": Price(
        name="log",
        unit="GB ingested",
        units="GB",
        dollars=2.30,
        per=1,
        free=5,
        source="monitoringcost.com, *Azure Monitor cost 2026*",
        verified=True,
    ),
    "event_operations": Price(
        name="events",
        unit="operation",
        units="operations",
        dollars=0.60,
        per=1_000_000,
        free=100_000,
        source="what counts: Microsoft Q&A 5830137, *Azure Event Grid Pricing*; price and grant: general knowledge",
        verified=False,
    ),
    "storage_operations": Price(
        name="storage",
        unit="operation",
        units="operations",
        dollars=0.05,
        per=10_000,
        free=0,
        source="general knowledge: the dearest kind (writing a blob), taken for every operation",
        verified=False,
    ),
}


def timer_runs() -> int:
    """Return how often the app's timers fire in a month, by their own schedules."""
    return DAYS * sum(_runs_a_day(trigger.schedule) for trigger in triggers() if trigger.schedule)


def _runs_a_day(schedule: str) -> int:
    """Return how often an NCRONTAB expression of six fields fires on a day that it fires on."""
    return math.prod(_values(field, below) for field, below in zip(schedule.split()[:3], (60, 60, 24), strict=True))


def _values(field: str, below: int) -> int:
    found = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin = 0 if span == "*" else int(first)
        end = below - 1 if span == "*" or (step and not last) else int(last or first)
        found |= set(range(begin, end + 1, int(step or 1)))
    return len(found)


def usage(failed: int, counted: Counted = COUNTED) -> dict[str, float]:
    """Return a month's usage by the names of :data:`PRICES`, for so many failed runs that are all image failures."""
    completed = failed * COMPLETED_PER_FAILED
    executions = failed * counted.executions + completed * 2 + timer_runs()
    messages = failed * counted.queue_messages + completed
    own = failed * (counted.table_operations + counted.blob_operations) + (completed + timer_runs()) * 2
    return {
        "gb_seconds": INSTANCE_GB * (executions * SHORTEST_SECONDS + failed * SECONDS),
        "executions": executions,
        "log_gb": (failed * counted.log_bytes + executions * LOG_BYTES_PER_EXECUTION) / 1e9,
        "event_operations": (failed + completed) * (STATUSES_PER_RUN + 1),
        "storage_operations": messages * 3 + own,
    }


def bill(used: Mapping[str, float]) -> dict[str, float]:
    """Return dollars by the names of :data:`PRICES`."""
    return {name: max(0.0, used[name] - price.free) / price.per * price.dollars for name, price in PRICES.items()}


def table() -> str:
    """Return the months as a table."""
    rows = ["| failed runs in a month | " + " | ".join(f"{n:,}" for n in RUNS) + " |"]
    rows.append("|---|" + "---|" * len(RUNS))
    months = [(usage(runs), bill(usage(runs))) for runs in RUNS]
    for name, price in PRICES.items():
        cells = [f"{_amount(used[name])} ({_dollars(cost[name])})" for used, cost in months]
        rows.append(f"| {price.name}, {price.units} | " + " | ".join(cells) + " |")
    rows.append("| **together** | " + " | ".join(f"**{_dollars(sum(cost.values()))}**" for _, cost in months) + " |")
    return "\n".join(rows)


def prices() -> str:
    """Return the prices as a table."""
    rows = ["| what | price | free each month | where that is said | verified |", "|---|---|---|---|---|"]
    for price in PRICES.values():
        per = "" if price.per == 1 else f"{price.per:,} "
        said = "yes" if price.verified else "**no**: put yours in"
        amount = f"{price.dollars:.6f}".rstrip("0") if price.dollars < 0.01 else f"{price.dollars:.2f}"
        rows.append(
            f"| {price.name} | ${amount} for {per or 'one '}{price.unit}{'s' if per else ''} | {price.free:,} "
            f"| {price.source} | {said} |"
        )
    return "\n".join(rows)


def formula() -> str:
    """Return what one failed run takes, and how a month is made of it."""
    c = COUNTED
    return "\n".join(
        [
            "| one failed run, counted in the played story | |",
            "|---|---|",
            f"| executions of functions | {c.executions} |",
            f"| messages through queues (three operations each) | {c.queue_messages} |",
            f"| operations on tables | {c.table_operations} |",
            f"| operations on blobs | {c.blob_operations} |",
            f"| reads of Azure and the registry | {c.azure_reads}, {c.arm_reads} of them of Resource Manager |",
            f"| log, bytes | {c.log_bytes:,} |",
            f"| seconds from event to message, a fresh worker, every answer taking {_LATENCY_MS} ms | {SECONDS:.1f} |",
            "",
            *_carried(c.arm_reads),
        ]
    )


def _carried(reads: int) -> list[str]:
    said = (
        f"With {reads} reads of Resource Manager for a cause that nobody has met in the last minute, a refill of "
        f"{ARM_REFILL} in a second carries {ARM_REFILL // reads} such causes in a second, for each subscription and "
        f"without an end; the full bucket of {ARM_BUCKET} carries {ARM_BUCKET // reads} at once."
    )
    return textwrap.wrap(said, 120)


# --- measuring ----------------------------------------------------------------------------------------------


def count(connection: str, *, latency_ms: int = 0) -> tuple[Counted, float]:
    """Play the story with the store at ``connection`` (Azurite's); return what it took, and its seconds."""
    from sandbox.delivering import deliveries_of, post  # noqa: PLC0415 - only measuring plays
    from sandbox.playing import environment, fresh_host, variables  # noqa: PLC0415
    from sandbox.server import Sandbox  # noqa: PLC0415
    from sandbox.world import load_scenario  # noqa: PLC0415

    scenario = load_scenario(STORY)
    if latency_ms:
        slow = {"call": {"host": ".*", "path": ".*"}, "latency_ms": latency_ms}
        scenario = replace(scenario, faults=(*scenario.faults, slow))
    with tempfile.TemporaryDirectory() as folder, Sandbox(scenario) as azure:
        settings = environment(azure, Path(folder) / "unused", ("slack",))
        del settings["PULLMEDIC_STORE"]
        with variables({**settings, "AzureWebJobsStorage": connection}), fresh_host() as host, _log() as log:
            began = time.monotonic()
            post(host.webhook_url("on_run_status_changed"), next(deliveries_of(scenario)))
            host.drain()
            seconds = time.monotonic() - began
            reads = Counter(call.host for call in azure.calls if not call.host.endswith("slack.com"))
        return _counted(log, [it.trigger for it in host.invocations], reads, connection), seconds


def _counted(
    log: Sequence[logging.LogRecord], triggers: Sequence[str], reads: Counter[str], connection: str
) -> Counted:
    ports = {port: kind.lower() for kind, port in re.findall(r"(\w+)Endpoint=http://127\.0\.0\.1:(\d+)/", connection)}
    asked: Counter[str] = Counter()
    own = 0
    for record in log:
        text = record.getMessage()
        if record.name == _WIRE:
            asked.update(ports.get(port, "") for port in _ASKED.findall(text))
        elif record.name.startswith(("pullmedic", "responders", "diagnostics")):
            own += len(text.encode())
    return Counted(
        executions=len(triggers),
        queue_messages=sum(trigger.startswith("queue") for trigger in triggers),
        table_operations=asked["table"],
        blob_operations=asked["blob"],
        azure_reads=reads.total(),
        arm_reads=reads["management.azure.com"],
        log_bytes=own,
    )


@contextmanager
def _log() -> Iterator[list[logging.LogRecord]]:
    found: list[logging.LogRecord] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    listener, root, wire = Listener(logging.INFO), logging.getLogger(), logging.getLogger(_WIRE)
    before = (root.level, wire.level)
    root.addHandler(listener)
    root.setLevel(logging.INFO)
    wire.setLevel(logging.INFO)
    try:
        yield found
    finally:
        root.removeHandler(listener)
        root.setLevel(before[0])
        wire.setLevel(before[1])


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3f}"


def _dollars(value: float) -> str:
    return f"${value:,.2f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or what the story takes."""
    parser = argparse.ArgumentParser(prog="python -m tools.cost", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="play the story anew (needs Azurite)")
    if not parser.parse_args(argv).measure:
        print(table())
        return 0
    from tests.responders.azurite_server import find_azurite, running_azurite  # noqa: PLC0415

    program = find_azurite({})
    if program is None:
        print("Azurite is not installed: `make test` installs it into .cache/node", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, running_azurite(program, Path(folder)) as connection:
        counted, seconds = count(connection, latency_ms=_LATENCY_MS)
    print(asdict(counted), f"{seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
