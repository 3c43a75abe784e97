"""The tables of ``docs/reach.md`` that say what runs in parallel, and where each cloud is."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from diagnostics.azure.clouds import CLOUDS
from responders.settings import DEADLINE
from tools.triggers import triggers

__all__ = ["clouds", "parallel"]

ROOT = Path(__file__).resolve().parent.parent


def clouds() -> str:
    """Return the clouds' endpoints, as the product has them."""
    rows = [
        "| `PULLMEDIC_CLOUD` | Resource Manager | log-in | registries | run history | logs |",
        "|---|---|---|---|---|---|",
    ]
    for cloud in CLOUDS.values():
        hosts = (cloud.resource_manager.removeprefix("https://"), cloud.authority)
        ends = (f"*{suffix}" for suffix in (cloud.registry_suffix, cloud.machine_learning_suffix, cloud.blob_suffix))
        rows.append(" | ".join([f"| `{cloud.name}`", *(f"`{host}`" for host in (*hosts, *ends))]) + " |")
    return "\n".join(rows)


def parallel() -> str:
    """Return how much of each queue is worked off at once, from host.json, the templates' defaults and the triggers."""
    queues = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["queues"]
    given = json.loads((ROOT / "infra" / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    at_once = queues["batchSize"] + queues["newBatchThreshold"]
    instances = given["maximumInstanceCount"]["value"]
    rows = ["| function | queue | on one instance | on all | another instance for each |", "|---|---|---|---|---|"]
    for name, queue in _queued():
        rows.append(
            f"| `{name}` | `{queue}` | {at_once} | {at_once * instances} | {queues['batchSize']} waiting messages |"
        )
    tries, delay = queues["maxDequeueCount"], queues["visibilityTimeout"]
    seconds = timedelta(**dict(zip(("hours", "minutes", "seconds"), map(int, delay.split(":")), strict=True))).seconds
    rows.append("")
    said = (
        f"`batchSize` {queues['batchSize']} and `newBatchThreshold` {queues['newBatchThreshold']} of `host.json`, "
        f"`maximumInstanceCount` {instances} of the parameters file. A message that fails is tried {tries} times, "
        f"{seconds} seconds apart. One diagnosis takes {DEADLINE.default} seconds at most "
        f"(`{DEADLINE.name}`): what was not read by then is *unknown*."
    )
    rows += textwrap.wrap(said, 120)
    return "\n".join(rows)


def _queued() -> Iterator[tuple[str, str]]:
    for trigger in triggers():
        if trigger.queue and not trigger.queue.endswith("-poison"):
            yield trigger.function, trigger.queue
