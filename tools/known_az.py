"""``python -m tools.known_az``: prints what the Azure CLI declares of the commands that the documents use, for
``tests/known_az.json``. It needs ``azure-cli`` in its environment, which the project itself does not.

What extensions bring is not in the CLI's own table; those commands are stated here, by their reference pages.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["main"]

_OF_EXTENSIONS = {
    # extension application-insights: az monitor app-insights query
    "monitor app-insights query": ["--app", "--analytics-query", "--offset", "--resource-group", "-g"],
    # extension authV2: az webapp auth microsoft update
    "webapp auth microsoft update": [
        *("--client-id", "--client-secret", "--client-secret-setting-name", "--issuer", "--name", "--resource-group"),
        *("--allowed-token-audiences", "--tenant-id", "--yes", "-n", "-g"),
    ],
    # extension log-analytics: az monitor log-analytics query
    "monitor log-analytics query": ["--analytics-query", "--timespan", "--workspace", "--workspaces", "-t", "-w"],
    # extension scheduled-query: az monitor scheduled-query list
    "monitor scheduled-query list": ["--resource-group", "-g"],
    # extension ml: az ml job stream, az ml workspace diagnose
    "ml job show": ["--name", "--resource-group", "--workspace-name", "-n", "-g", "-w"],
    "ml job stream": ["--name", "--resource-group", "--workspace-name", "-n", "-g", "-w"],
    "ml compute list-sizes": ["--location", "--resource-group", "--type", "--workspace-name", "-g", "-l", "-w"],
    "ml compute show": ["--name", "--resource-group", "--workspace-name", "-n", "-g", "-w"],
    "ml compute update": ["--identity-type", "--name", "--resource-group", "--workspace-name", "-n", "-g", "-w"],
    "ml connection create": ["--file", "--resource-group", "--workspace-name", "-f", "-g", "-w"],
    "ml connection show": ["--name", "--resource-group", "--workspace-name", "-n", "-g", "-w"],
    "ml workspace sync-keys": ["--name", "--resource-group", "-n", "-g"],
    "ml workspace update": ["--image-build-compute", "--name", "--resource-group", "-i", "-n", "-g"],
    "ml workspace diagnose": ["--name", "--resource-group", "--no-wait", "-n", "-g"],
}
_ALSO = (
    *("account list", "account set", "account show", "acr check-health", "acr show", "acr update"),
    *("deployment sub validate", "deployment sub what-if", "deployment group create", "deployment group show"),
    *("eventgrid system-topic create", "eventgrid system-topic delete", "eventgrid system-topic show"),
    *("eventgrid system-topic event-subscription create", "eventgrid system-topic event-subscription list"),
    *("eventgrid system-topic event-subscription update", "functionapp config appsettings list"),
    *("functionapp config appsettings set", "functionapp config appsettings delete", "functionapp identity assign"),
    *("functionapp list", "functionapp restart", "functionapp start", "functionapp stop", "functionapp keys list"),
    *("functionapp identity show", "storage queue create", "storage table create"),
    *("functionapp function show", "functionapp scale config set", "functionapp scale config show"),
    *("group create", "group exists", "group show", "identity create", "identity show", "keyvault create"),
    *(
        "keyvault secret set",
        "keyvault secret show",
        "monitor log-analytics query",
        "monitor log-analytics workspace show",
    ),
    *("monitor metrics list", "network private-endpoint list", "provider register"),
    *(
        "provider show",
        "resource delete",
        "resource list",
        "resource show",
        "resource update",
        "role assignment delete",
    ),
    *("role definition create", "role definition list", "role definition update", "storage account show"),
    *("storage blob download", "storage blob list", "storage blob upload", "storage container create"),
    *("storage container list", "storage message peek", "storage message get", "storage message put"),
    *("storage message clear", "storage queue list", "storage queue stats", "storage table list", "webapp auth show"),
    *("ad app delete", "ad app list", "ad sp list", "ad sp show", "rest", "login", "group list", "group delete"),
)
"""What an operator uses beside them."""


def main(names: Sequence[str]) -> int:
    """Print the table for ``names`` and the others; 1 where the CLI does not have one of them."""
    core: Any = importlib.import_module("azure.cli.core")
    files: Any = importlib.import_module("azure.cli.core.file_util")
    cli = core.get_default_cli()
    files.create_invoker_and_load_cmds_and_args(cli)
    table = cli.invocation.commands_loader.command_table
    wanted = sorted({*names, *_ALSO, *_OF_EXTENSIONS})
    unknown = [name for name in wanted if name not in table and name not in _OF_EXTENSIONS]
    known = {
        n: sorted(_options(table[n])) if n in table else sorted(_OF_EXTENSIONS[n]) for n in wanted if n not in unknown
    }
    rows = ",\n".join(f"    {json.dumps(name)}: {json.dumps(options)}" for name, options in known.items())
    version = json.dumps(f"azure-cli {core.__version__}, by python -m tools.known_az")
    print(f'{{\n  "made from": {version},\n  "commands": {{\n{rows}\n  }}\n}}')
    for name in unknown:
        print(f"no command: az {name}", file=sys.stderr)
    return 1 if unknown else 0


def _options(command: Any) -> Iterator[str]:
    for argument in command.arguments.values():
        for option in argument.type.settings.get("options_list") or ():
            name = option if isinstance(option, str) else getattr(option, "target", "")
            if name:
                yield name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
