"""``infra/settings.json``: the settings that the code reads, by whether they are secret, for the templates."""

from __future__ import annotations

import json

from responders.settings import declared_settings

__all__ = ["document"]


def document() -> str:
    """Return the file's text."""
    declared = sorted((setting.name, setting.secret) for setting in declared_settings())
    made = {
        "made by": "make generated",
        "open": [name for name, secret in declared if not secret],
        "secret": [name for name, secret in declared if secret],
    }
    return json.dumps(made, indent=2) + "\n"
