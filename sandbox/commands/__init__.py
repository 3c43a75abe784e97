"""What ``python -m sandbox`` can do: one module a command, found by looking into this folder.

A module's docstring is its help; it has ``add_arguments(parser)`` and ``run(arguments) -> int`` (the exit
status).
"""

from __future__ import annotations
