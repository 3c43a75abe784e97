"""Every pair of faults, with the text of each: what is confirmed is wrong in that world, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

import pytest

from sandbox.merge import merged
from sandbox.world import Scenario, load_scenario
from tests.stories import FOLDER, tell

pytestmark = pytest.mark.slow

_HOST = "halvorsenimages.azurecr.io"
_DAEMON = "Run docker command to pull private image failed with error: Error response from daemon: "
_REGISTRY = "halvorsenimages"


@dataclass(frozen=True, kw_only=True)
class _Fault:
    """A fault: its cause, what of the world it changes, the image that meets it, the text that it leaves."""

    cause: str
    text: str
    world: dict[str, Any] = field(default_factory=dict)
    image: str | None = None
    hides: frozenset[str] = frozenset()
    brings: frozenset[str] = frozenset()


def _registry(**changes: Any) -> dict[str, Any]:
    return {"registries": [{"name": _REGISTRY, **changes}]}


_DENY = {"defaultAction": "Deny", "ipRules": ["198.51.100.0/26"]}
_RIGHTS = frozenset({"pull-role-missing", "pull-role-ignored-in-abac-mode"})
_FAULTS = (
    _Fault(
        cause="public-access-disabled",
        text=f'{_DAEMON}Get "https://{_HOST}/v2/": denied:',
        world=_registry(publicNetworkAccess="Disabled"),
        hides=frozenset({"address-not-allowed"}),
    ),
    _Fault(
        cause="address-not-allowed",
        text=f"{_DAEMON}denied: client with IP '203.0.113.84' is not allowed access. Refer https://aka.ms/acr/firewall",
        world=_registry(networkRuleSet=_DENY),
    ),
    _Fault(
        cause="pull-identity-absent",
        text=f'{_DAEMON}Get "https://{_HOST}/v2/": unauthorized: authentication required',
        world={"computes": [{"name": "gpu-train", "identity": None}]},
        hides=_RIGHTS,
        brings=frozenset({"pull-identity-unusable"}),  # of a log that names an identity which the compute lacks
    ),
    _Fault(
        cause="pull-role-missing",
        text="Unable to retrieve ACR refresh token using Compute Identity eba55d4b-0df7-49b9-8eb9-85d5d3b57148 , see\n"
        "err: exchange of the token failed with 401",
        world={"role_assignments": []},
        hides=frozenset({"pull-role-ignored-in-abac-mode"}),
    ),
    _Fault(
        cause="pull-role-ignored-in-abac-mode",
        text=f'{_DAEMON}Get "https://{_HOST}/v2/": unauthorized: authentication required',
        world=_registry(roleAssignmentMode="AbacRepositoryPermissions"),
    ),
    _Fault(
        cause="repository-absent",
        text=f"{_DAEMON}name unknown: repository name not known to registry",
        image=f"{_HOST}/turbines/gone:4.2",
        hides=frozenset({"tag-absent"}),
    ),
    _Fault(
        cause="tag-absent",
        text=f"{_DAEMON}manifest unknown: manifest is not there",
        image=f"{_HOST}/turbines/train:4.9",
    ),
    _Fault(
        cause="region-mismatch",
        text="downloaded 1.7 GB of 5.2 GB when the time limit for pulling the image was exceeded",
        world=_registry(region="eastus2"),
    ),
)


def _world_with(shown: _Fault, other: _Fault) -> Scenario:
    base = load_scenario(FOLDER / "_base.yaml")
    world = merged(merged(base.world, other.world), shown.world)
    image = next((fault.image for fault in _FAULTS if fault in (shown, other) and fault.image), base.run["image"])
    message = f"FailedPullingImage: Unable to pull docker image\n\timageName: {image}\n\terror: {shown.text}"
    run = {**base.run, "image": image, "error": {"code": "UserError", "message": message}}
    return replace(base, id=f"{shown.cause} with {other.cause}", world=world, run=run)


@pytest.mark.parametrize(
    ("shown", "other"),
    [pytest.param(*pair, id=f"{pair[0].cause}, {pair[1].cause}") for pair in permutations(_FAULTS, 2)],
)
def test_of_two_faults_nothing_false_is_confirmed(shown: _Fault, other: _Fault) -> None:
    """Whichever of two faults the log shows: no cause is confirmed that this world does not have, and no rule is broken."""
    told = tell(_world_with(shown, other), channels=("slack",))
    true = ({shown.cause, other.cause} - shown.hides - other.hides) | shown.brings | other.brings
    assert set(told.confirmed) <= true
    assert told.score.failures == ()
    if shown.cause in true and _FAULTS.index(shown) < _FAULTS.index(other):
        assert told.score.verdict == shown.cause
