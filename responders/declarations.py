"""What a channel, a tracker or a store says about the settings that it reads.

Roles, settings and documents are made from these declarations; nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Field", "Problem", "Secret", "Setting"]


class Secret:
    """A value that prints as stars, in a repr, in an f-string, in a traceback that shows local variables.

    It is no dataclass, since ``dataclasses.asdict`` would unfold it.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the value itself; call it only where the value is used, and keep it in no variable."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __repr__(self) -> str:
        return "Secret(****)"

    def __str__(self) -> str:
        return "****"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One environment variable: its name, its purpose in one sentence, its default in words or as a value.

    ``secret`` values are never printed, not even in the message that calls them wrong.
    """

    name: str
    purpose: str
    default: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that a destination or a tracker is set up with, in the environment or in the settings file.

    ``name`` is lower case with underscores. ``secret`` values come from the environment alone and are never printed.
    """

    name: str
    purpose: str
    secret: bool = False
    required: bool = True
    default: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that is wrong, and what runs instead; the message never holds a secret's value.

    ``setting`` is its place: the name of a variable, or file, line and key. A ``warning`` changes nothing that runs.
    """

    setting: str
    message: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.setting}: {self.message}"
