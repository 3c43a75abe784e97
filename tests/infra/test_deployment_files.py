"""Parameters files, azd's file and the document: they fit the templates and each other."""

from __future__ import annotations

import json
import re
import subprocess
from fnmatch import fnmatch
from pathlib import PurePosixPath

import pytest
import yaml
from bicep_reading import ROOT, parameters, template

from responders.settings import declared_settings
from tools.package import PRODUCT

DOCUMENT = (ROOT / "docs" / "deployment.md").read_text("utf-8")
REMOVAL = (ROOT / "infra" / "remove.sh").read_text("utf-8")
PACKAGE = {"function_app.py", "host.json", "requirements.txt", "diagnostics", "responders"}
_OF_THE_DEPLOYMENT = {"location"}
_TYPES = {"string": str, "bool": bool, "int": int, "array": list, "object": dict}


@pytest.mark.parametrize("name", ["main", "events"])
def test_a_parameters_file_holds_what_its_template_declares(name: str) -> None:
    """Each parameter, in its type; the values are those of whoever deploys."""
    declared = template(f"{name}.bicep").params
    given = parameters(f"{name}.parameters.json")
    assert set(given) == set(declared) - _OF_THE_DEPLOYMENT
    for key, value in given.items():
        assert type(value) is _TYPES[str(declared[key]["type"])], key


def test_both_files_speak_of_the_same_app() -> None:
    """The second template finds by these what the first has made, in the files and by the defaults."""
    main, events = parameters("main.parameters.json"), parameters("events.parameters.json")
    for key in ("prefix", "resourceGroupName"):
        assert main[key] == events[key]
        assert template("main.bicep").params[key]["default"] == template("events.bicep").params[key]["default"]


@pytest.mark.parametrize("name", ["main", "events"])
def test_the_document_explains_every_parameter(name: str) -> None:
    """A JSON file has no comments."""
    for key in template(f"{name}.bicep").params:
        assert f"`{key}`" in DOCUMENT, key


def test_the_documents_examples_are_settings_that_are_secret() -> None:
    """What stands in the example for Key Vault is declared as a secret, and its blocks are JSON."""
    blocks = [json.loads(f"{{{block}}}") for block in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)]
    examples = {name for block in blocks for name in block.get("secretSettings", {}).get("value", {})}
    secret = {setting.name for setting in declared_settings() if setting.secret}
    assert examples
    assert examples <= secret


def test_the_document_asks_for_outputs_that_there_are() -> None:
    """In the template's spelling, which Resource Manager keeps where it begins in lower case."""
    asked = set(re.findall(r"properties\.outputs\.(\w+)\.value", DOCUMENT))
    asked |= set(re.findall(r"\$\(output (\w+)\)", REMOVAL))
    of_principals = {"readerPrincipalId", "fixerPrincipalId", "fixHostPrincipalId"}
    of_resources = {"functionAppName", "fixAppName", "readerRoleName", "keyVaultName", "storageAccountName"}
    assert asked == {*of_resources, *of_principals}
    named = set(re.findall(r"`(\w+)`", DOCUMENT.partition("| output of `main.bicep` |")[2].partition("```")[0]))
    named = {name for name in named if name.startswith(("functionApp", "storage", "reader", "fixer"))}
    assert {"functionAppId", "storageAccountName", "readerClientId"} <= named
    assert asked | named <= template("main.bicep").outputs
    assert "topicIds" in template("events.bicep").outputs
    assert all(name[0].islower() for name in asked)


def test_every_file_that_the_document_names_is_there() -> None:
    """In its commands and its text."""
    named = set(re.findall(r"\binfra/[\w./-]+\.(?:bicep|json)", DOCUMENT))
    assert len(named) >= 5
    assert all((ROOT / name).is_file() for name in named)


def test_the_names_in_the_commands_are_those_of_the_template() -> None:
    """As they come out with the templates' own defaults."""
    expression = template("names.bicep").tree["functions"]["resourceNames"]["expression"]
    params = template("main.bicep").params
    prefix = params["prefix"]["default"]
    made = {key: value.replace("${prefix}", prefix) for key, value in expression.items()}
    assert f'--workspace-name "{made["logs"].replace(prefix, "$prefix", 1)}"' in REMOVAL
    assert f"prefix=${{PREFIX:-{prefix}}}" in REMOVAL
    assert f"--app {made['insights']} " in DOCUMENT
    assert f"`{made['deadLetterContainer']}`" in DOCUMENT
    assert f"--resource-group {params['resourceGroupName']['default']} " in DOCUMENT


def test_azd_deploys_the_first_template_and_the_code_and_az_the_second() -> None:
    """The deployment of azd itself must stay within our resource group: `azd down` deletes all that it has written into."""
    azure = yaml.safe_load((ROOT / "azure.yaml").read_text("utf-8"))
    assert azure["infra"] == {"provider": "bicep", "path": "infra", "module": "main"}
    ((name, service),) = azure["services"].items()
    hooks = service.pop("hooks")
    built = {"dist": "build/pullmedic", "remoteBuild": False}
    assert service == {"project": ".", "language": "python", "host": "function", **built}
    assert hooks["prepackage"]["posix"]["run"] == "make package"
    assert hooks["prepackage"]["windows"]["run"] == "python -m tools.package build"
    tags = template("modules/function-app.bicep").resource("Microsoft.Web/sites")["tags"]
    assert tags["function"]["parameters"]["arg_2"] == {"'azd-service-name'": "azdServiceName"}
    assert template("modules/function-app.bicep").params["azdServiceName"]["default"] == name
    for system in ("posix", "windows"):
        run = (ROOT / azure["hooks"]["postdeploy"][system]["run"]).read_text("utf-8")
        assert "az deployment sub create --name pullmedic-events" in run
        assert "--template-file infra/events.bicep --parameters infra/events.parameters.json" in run
    assert "AZURE_RESOURCE_GROUP" in template("main.bicep").outputs


def test_the_package_is_the_product_and_nothing_else() -> None:
    """By `.funcignore` for tools that upload this folder: no test, no simulated Azure, no local store."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    patterns = [
        line for line in (ROOT / ".funcignore").read_text("utf-8").splitlines() if line and not line.startswith("#")
    ]
    kept = [path for path in tracked if not _ignored(path, patterns)]
    assert {PurePosixPath(path).parts[0] for path in kept} == PACKAGE
    assert _ignored("pullmedic.sqlite-wal", patterns)
    assert _ignored("local.settings.json", patterns)
    assert set(PRODUCT) == PACKAGE


def test_the_document_deploys_what_make_package_builds() -> None:
    """To each app, with nothing built in Azure, where another Python might be used."""
    assert re.findall(r'^infra/upload\.sh "\$(\w+)"', DOCUMENT, re.MULTILINE) == ["APP", "FIXAPP"]
    assert not re.findall(r"^az functionapp deployment source ", DOCUMENT, re.MULTILINE), "it builds anew"
    assert "zip=${2:-build/pullmedic.zip}" in (ROOT / "infra" / "upload.sh").read_text("utf-8")


def _ignored(path: str, patterns: list[str]) -> bool:
    """Tell by the rules of .gitignore, as far as these patterns need them."""
    *folders, name = PurePosixPath(path).parts
    return any(
        any(fnmatch(folder, pattern.rstrip("/")) for folder in folders)
        or (pattern[-1] != "/" and fnmatch(name, pattern))
        for pattern in patterns
    )
