"""``docs/settings.md`` and ``responders/settings.schema.json``, made from the declarations: neither can go stale.

``python -m responders.reference --write`` writes both, ``--check`` fails where one is not what the code says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from responders import channels, tickets
from responders.channels import Channel
from responders.declarations import Field, Setting
from responders.durations import duration_text
from responders.settings import declared_settings
from responders.settings_keys import INCIDENTS, RESERVED, SECTIONS, Key, Kind, Section
from responders.settings_schema import SCHEMA, schema_text
from responders.tickets import Tracker

__all__ = ["DOCUMENT", "main", "reference"]

DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"
_COMMAND = "python -m responders.reference --write"

_HEAD = f"""\
# Settings

<!-- Made by `{_COMMAND}` from the declarations in the code. Change them there. -->

Settings come from two places: environment variables (the app settings of the function app), and one settings file,
which is optional. An example is [settings.example.toml](settings.example.toml). `python -m responders validate`
says everything that is wrong at once, each with its place, and what would run.

A wrong setting never stops the app. What is wrong is left out and named, in the log and by `validate`; the rest
runs.

* A destination, tracker or silence with a mistake in it is left out.
* What a route with a mistake in it could have taken goes to the default destinations, so that no message vanishes.
* Where nothing usable is left, the environment's destinations hear; without any, the app's log.

## The settings file

`PULLMEDIC_SETTINGS` names it: a path that the app can read (`/home/site/wwwroot/FILE` of a file that was built into the
package, `python -m tools.package build --add FILE`), or the address of a blob,
`https://ACCOUNT.blob.core.windows.net/CONTAINER/settings.toml`. A blob is read with the app's identity, which needs
the role *Storage Blob Data Reader* on the container, and only from the storage of the app's own cloud. The file is
read again when it is older than 60 seconds, so routes and silences change without a deployment. A newer version
with a mistake in it changes nothing: the last good one stays, and the mistake is in the log once. (A worker that
starts with a wrong file uses what is right of it.) Only `[fixes]` does not stay: fixes are off while the file cannot be
read, is no TOML, or has a mistake in that part.

The file is TOML. Editors check it while it is written with the schema
[responders/settings.schema.json](../responders/settings.schema.json), which `python -m responders schema` prints;
in VS Code, *Even Better TOML* takes it from a first line `#:schema PATH`.

### Which of the two decides

* The environment's destinations and trackers and those of the file are there together, under one list of names. The
  environment's are called as their channel: `slack`, `teams`; its fallbacks `fallback slack`. A name that the
  environment has is not taken by the file: that is a mistake, and said.
* The default destinations hear what no route takes. They are those of `[defaults]` `to`; else the environment's;
  else all of the file.
* Where the file says who hears of insufficient evidence or of not-registry, it decides, and a warning says that the
  variable for it has no effect.
* Everything else is in one of the two places alone.

### Secrets

A secret never stands in the file. A secret field takes `{{ env = "PULLMEDIC_NAME" }}`, the name of an environment
variable that begins with `PULLMEDIC_`; any other variable is refused, so that whoever may write the file reaches no
other secret of the app. Keep the value in Key Vault and let the app setting refer to it
(`@Microsoft.KeyVault(...)`). A literal secret is refused, and shown nowhere. `python -m responders settings` prints
secrets as stars.

### Patterns and durations

In patterns `*` is any text and `?` one character; case does not count. What is not known (no experiment, no such
tag) matches nothing, not even `*`. A duration is a whole number and a unit: `90s`, `10min`, `2h`, `7d`.
"""

_TAKEN = ", ".join(f"`{one}`" for one in sorted(RESERVED))

_ROUTING = f"""\
### How a route is found

Routes are tried in their order. The first whose condition holds decides, unless it says `continue = true`. Who
hears, where tickets are opened and how urgent it is are decided each by itself; what no matching route says is
taken from `[defaults]`. `python -m responders route EVENT.json` says which rule sends an event where, and why.

Three verdicts name no cause: `insufficient-evidence` (default: the default destinations, with what would settle
it), `not-registry` (default: nobody) and `undeliverable` (a run without a diagnosis; default: the fallback, else
the default destinations). A route takes them only where its `causes` name them as they are. No ticket is opened for
them by default.

Names of destinations and trackers have lower-case letters, digits, `-` and `_`; {_TAKEN} are taken.
Hours and days are those of the first failure, so that an incident does not move to others in the evening.

A silence holds messages back and says so in the incident; what happens meanwhile is kept. One that has ended is a
warning. `python -m responders silence add` sets one in the store, without touching the file.
"""

_COMMANDS = """\
## `python -m responders`

| command | what it does |
|---|---|
| `validate [--settings FILE] [--json]` | Says everything that is wrong, with its place, and what would run. |
| `doctor [--json] [--only SECTION] [--identity OBJECT_ID] [--app NAME]` | Every right, setting and connection that is \
needed: where, whether it is there, and the command that adds it ([doctor.md](doctor.md), with its exit codes). |
| `settings [--settings FILE] [--json]` | Prints what is in force; secrets are stars. |
| `schema` | Prints the JSON Schema of the settings file. |
| `route EVENT.json [--cause ID] [--status STATUS] [--at TIME] [--json]` | Says which rule sends this where, and why. \
The event is one of Event Grid, of either schema; without `--cause` every verdict is tried, in groups. |
| `self-test` | Sends a failure that never was the whole way, or shows the last time, by station \
([self-test.md](self-test.md)). |
| `send-test NAME` | Sends a test message to a destination. Where the service's answer proves nothing (Teams, Apprise) \
it says so, and asks whether the message arrived. |
| `incidents list [--all] [--json]` | The open incidents, newest first. |
| `incidents show ID [--json]` | One incident: its runs, what each destination shows, what was held back and why, what \
people said of the diagnosis. |
| `silence add (--for DURATION \\| --until TIME) --reason TEXT [--workspace PATTERN] [--experiment PATTERN] \
[--cause PATTERN] [--tag NAME=PATTERN] [--status STATUS] [--from TIME] [--by NAME]` \
| Silences something for 90 days at most. |
| `silence list [--all] [--json]`, `silence end ID [--by NAME]` | Shows silences, ends one before its time. |
| `audit [--incident ID] [--json-lines] [--verify [--known NUMBER:HASH]]` | What was planned, decided, \
written and undone to repair a role, and whether the record of it is whole ([audit.md](audit.md)). |

All but `schema` take `--settings FILE`, a path or the address of a blob, in place of `PULLMEDIC_SETTINGS`. Commands
that look into the store use the one that the settings choose: `PULLMEDIC_STORE`, or the app's storage with your own
log-in (`AzureWebJobsStorage__accountName`, `az login`).

| code | meaning |
|---|---|
| 0 | done; the settings are right, the message was taken (and, where it was asked, arrived) |
| 1 | no: the settings have a mistake, the message was refused or did not arrive, or the audit record is not whole |
| 2 | wrong arguments |
| 3 | an input could not be read |
| 4 | the store could not be used |
| 5 | no such destination, incident or silence |
| 6 | nobody can tell whether the message arrived: there is no terminal to ask at |
"""


def reference() -> str:
    """Return the document."""
    parts = [_HEAD, _ROUTING]
    for section in SECTIONS:
        parts.append("\n".join(_section(section)))
        if section.header.startswith("[destinations"):
            parts += _kinds(channels.discover(), "channel")
        if section.header.startswith("[trackers"):
            parts += _kinds(tickets.discover(), "tracker")
    parts += ["\n".join(_environment()), _COMMANDS]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _section(section: Section) -> Iterator[str]:
    yield f"### `{section.header}`\n"
    yield f"{section.purpose}\n"
    yield "| key | what it decides | value | default |"
    yield "|---|---|---|---|"
    yield from (_row(key) for key in section.keys)


def _row(key: Key) -> str:
    default = "required" if key.required else key.default or "anything"
    value = key.kind.value
    if key in INCIDENTS:
        bounds = (key.least, key.most) if key.kind is not Kind.DURATION else (_span(key.least), _span(key.most))
        value = f"{value}, {bounds[0]} to {bounds[1]}"
    return f"| `{key.name}` | {_cell(key.purpose)} | {value} | {_cell(default)} |"


def _span(seconds: int) -> str:

    return duration_text(timedelta(seconds=seconds))


def _kinds(kinds: Iterable[Channel | Tracker], word: str) -> Iterator[str]:
    rows = [(kind, one) for kind in kinds for one in kind.fields]
    if rows:
        lines = [f"| `{kind.name}` | `{one.name}` | {_cell(one.purpose)} | {_field(one)} |" for kind, one in rows]
        yield "\n".join((f"| {word} | field | what it is | value |", "|---|---|---|---|", *lines))


def _field(one: Field) -> str:
    kind = '`{ env = "PULLMEDIC_..." }`' if one.secret else "text"
    return f"{kind}{', required' if one.required else f', default `{one.default}`' if one.default else ', optional'}"


def _environment() -> Iterator[str]:
    yield "## Environment variables\n"
    yield "A mistake in `PULLMEDIC_WORKSPACES` never widens the scope: where no entry can be read, none is in scope.\n"
    yield "| setting | what it decides | default |"
    yield "|---|---|---|"
    yield from (_setting(setting) for setting in declared_settings())


def _setting(setting: Setting) -> str:
    secret = " Secret." if setting.secret else ""
    return f"| `{setting.name}` | {_cell(setting.purpose)}{secret} | {_cell(setting.default or 'not set')} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# --- the command --------------------------------------------------------------------------------------------

_MADE: Mapping[Path, Callable[[], str]] = {DOCUMENT: reference, SCHEMA: schema_text}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the document, or write or check both files; 1 where one is not current."""
    parser = argparse.ArgumentParser(prog="python -m responders.reference", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="write both files")
    what.add_argument("--check", action="store_true", help="1 where one is not current")
    arguments = parser.parse_args(argv)
    if not arguments.write and not arguments.check:
        sys.stdout.write(reference())
    stale = [path for path, make in _MADE.items() if not path.exists() or path.read_text(encoding="utf-8") != make()]
    if arguments.write:
        for path in stale:
            path.write_text(_MADE[path](), encoding="utf-8")
    elif arguments.check and stale:
        names = " and ".join(path.name for path in stale)
        sys.stderr.write(f"{names}: not what the code says, run `{_COMMAND}`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
