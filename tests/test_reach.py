"""What docs/reach.md states: costs by a story that is played anew, clouds by the SDK's own table."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator

import pytest

from diagnostics.azure.clouds import CLOUDS, Cloud
from responders.clouds import Cloud as Responders
from responders.settings import DEADLINE, load_settings
from tests.responders.azurite_server import azurite
from tools import cost, scale

__all__ = ["azurite"]


def by_the_sdk(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """Return pairs: what azure-ai-ml says of a cloud, and what we say."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of marshmallow, which azure-ai-ml builds on
        environments = importlib.import_module("azure.ai.ml._azure_environments")
    said = environments._environments[cloud.name]
    urls = environments.EndpointURLS
    yield said[urls.RESOURCE_MANAGER_ENDPOINT].rstrip("/"), cloud.resource_manager
    yield said[urls.ACTIVE_DIRECTORY_ENDPOINT].rstrip("/"), f"https://{cloud.authority}"
    yield said[urls.AML_RESOURCE_ID].rstrip("/") + "/.default", cloud.machine_learning_scope
    discovery = said[urls.REGISTRY_DISCOVERY_ENDPOINT].rstrip("/").removeprefix("https://")
    yield discovery[discovery.index(".") :], cloud.machine_learning_suffix
    yield said[urls.STORAGE_ENDPOINT], cloud.blob_suffix.removeprefix(".blob.")


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=lambda cloud: cloud.name)
def test_a_cloud_is_where_the_sdk_says(cloud: Cloud) -> None:
    """Resource Manager, log-in, audiences, run history, storage."""
    for theirs, ours in by_the_sdk(cloud):
        assert theirs == ours


def test_reading_and_telling_know_the_same_clouds() -> None:
    """By the names that ``az cloud list`` gives them."""
    assert {cloud.value for cloud in Responders} == set(CLOUDS)


@pytest.mark.slow
def test_what_a_failed_run_takes_is_what_is_stated(azurite: str) -> None:
    """Functions, messages and reads to the letter; storage and log within a quarter."""
    counted, _ = cost.count(azurite)
    for exact in ("executions", "queue_messages", "azure_reads", "arm_reads"):
        assert getattr(counted, exact) == getattr(cost.COUNTED, exact), exact
    for near in ("table_operations", "blob_operations", "log_bytes"):
        stated = getattr(cost.COUNTED, near)
        assert abs(getattr(counted, near) - stated) <= stated / 4, near


def test_a_diagnosis_takes_as_long_as_the_app_lets_it() -> None:
    """The setting's own value, which is not that of the commands."""
    seconds = int(load_settings({}).deadline.total_seconds())
    assert f"takes {seconds} seconds at most (`{DEADLINE.name}`)" in " ".join(scale.parallel().split())


def test_the_timers_are_those_of_the_app() -> None:
    """Two, every five minutes, at least."""
    assert cost.timer_runs() >= 2 * 12 * 24 * 30
    assert cost._runs_a_day("0 */5 * * * *") == 288
    assert cost._runs_a_day("30 0 6 * * *") == 1
    assert cost._runs_a_day("0 15,45 8-17 * * 1-5") == 20


def test_a_month_is_what_its_parts_are() -> None:
    """More runs cost more of everything, nothing costs less than nothing, and the free grants are taken off once."""
    few, many = cost.usage(10), cost.usage(100_000)
    assert set(few) == set(many) == set(cost.PRICES)
    assert all(few[name] < many[name] for name in few)
    bill = cost.bill(many)
    assert all(amount >= 0 for amount in cost.bill(few).values())
    price = cost.PRICES["gb_seconds"]
    assert bill["gb_seconds"] == pytest.approx((many["gb_seconds"] - price.free) * price.dollars)


def test_a_price_says_where_it_comes_from() -> None:
    """Those that nobody could verify say so in the document."""
    shown = cost.prices()
    for price in cost.PRICES.values():
        assert len(price.source) > 15
        assert price.source in shown
    assert shown.count("**no**") == sum(not price.verified for price in cost.PRICES.values())
