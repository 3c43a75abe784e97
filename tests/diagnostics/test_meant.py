"""A wrong host that was meant for the workspace's own registry: what the right one would meet next."""

from __future__ import annotations

import pytest
from diagnostic_samples import SERVER

from diagnostics.meant import is_look_alike
from diagnostics.references import parse


@pytest.mark.parametrize(
    ("written", "alike"),
    [
        ("prosereg.azurecr.cn/team/train:7", True),
        ("prosereg.azurecr.us/team/train:7", True),
        ("prosereg.privatelink.azurecr.io/team/train:7", True),
        ("prosereg.azurecr.io/team/train:7", False),
        ("otherreg.azurecr.cn/team/train:7", False),
        ("docker.io/library/python:3.13", False),
    ],
)
def test_a_look_alike_is_another_name_of_the_same_registry(written: str, alike: bool) -> None:  # noqa: FBT001
    """Another cloud's suffix or the private link's zone; never another registry."""
    assert is_look_alike(parse(written), SERVER) is alike
