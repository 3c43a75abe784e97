"""The package: its rules on a small one, made here; and the real one, built and loaded as the worker does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tools.package import LOCK, PRODUCT, ROOT, SITE, Unfit, add, assemble, drift, locked, main, problems, write_zip

_DEPLOYED = {
    "python_version": "3.13",
    "python_full_version": "3.13.5",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "os_name": "posix",
}


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Path]:
    """A repository of our shape with one dependency beside it; return the repository and where the package goes."""
    root, folder = tmp_path / "repository", tmp_path / "package"
    for name in (
        "function_app.py",
        "diagnostics/model.py",
        "responders/app.py",
        "sandbox/server.py",
        "tests/test_it.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("KINDS = frozenset({'a', 'b', 'c'})\n", encoding="utf-8")
    for name in ("host.json", "requirements.txt", "README.md", "responders/settings.schema.json"):
        (root / name).write_text("{}\n", encoding="utf-8")
    (folder / SITE / "dependency").mkdir(parents=True)
    (folder / SITE / "dependency" / "__init__.py").write_text("def double(x):\n    return 2 * x\n", encoding="utf-8")
    return root, folder


@pytest.mark.py313
def test_a_package_has_the_product_its_dependencies_their_bytecode_and_nothing_else(small: tuple[Path, Path]) -> None:
    """No simulated Azure, no test, no document; every source has bytecode that is loaded as it is."""
    root, folder = small
    assemble(root, folder, sys.executable)
    names = _names(folder)
    assert problems(folder, names, bytecode=True) == []
    assert {name.partition("/")[0] for name in names} == {*PRODUCT, "__pycache__", ".python_packages"}
    assert "responders/settings.schema.json" in names
    assert sum(name.endswith(".pyc") for name in names) == sum(name.endswith(".py") for name in names) == 4


@pytest.mark.py313
def test_two_packages_of_the_same_files_are_the_same_bytes(small: tuple[Path, Path], tmp_path: Path) -> None:
    """Whatever the files' times, rights and order in their folder are."""
    root, folder = small
    assemble(root, folder, sys.executable)
    write_zip(folder, tmp_path / "one.zip")
    again = tmp_path / "elsewhere" / "again"
    shutil.copytree(folder / SITE, again / SITE, ignore=shutil.ignore_patterns("__pycache__"))
    for path in root.rglob("*"):
        os.utime(path, (0, 0))
        path.chmod(0o700)
    assemble(root, again, sys.executable)
    write_zip(again, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def _add(name: str, content: bytes = b"") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return change


def _by_time(folder: Path) -> None:
    found = next((folder / "responders" / "__pycache__").iterdir())
    found.write_bytes(found.read_bytes()[:4] + bytes(4) + found.read_bytes()[8:])


@pytest.mark.py313
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_add("sandbox/server.py"), "does not belong"),
        (_add("tests/test_it.py"), "does not belong"),
        (_add("infra/main.bicep"), "does not belong"),
        (_add("local.settings.json"), "does not belong"),
        (_add("pullmedic.sqlite"), "does not belong"),
        (_add(".python_packages/other/x.py"), "does not belong"),
        (_add("responders/new.py"), "has no bytecode"),
        (_add("responders/__pycache__/app.cpython-311.pyc", bytes(16)), "another Python"),
        (_add("responders/app.pyc", bytes(16)), "another Python"),
        (_add("responders/__pycache__/gone.cpython-313.pyc", bytes(4) + b"\1" + bytes(11)), "has no source"),
        (_by_time, "compiled anew"),
        (lambda folder: (folder / "host.json").unlink(), "host.json is missing"),
    ],
)
def test_what_breaks_a_rule_is_named(small: tuple[Path, Path], change: Callable[[Path], None], complaint: str) -> None:
    """A package with it is not made."""
    root, folder = small
    assemble(root, folder, sys.executable)
    change(folder)
    (said,) = problems(folder, _names(folder), bytecode=True)
    assert complaint in said


def test_a_file_of_ones_own_stands_at_the_root(small: tuple[Path, Path], tmp_path: Path) -> None:
    """So signatures come with the app, by a path that is known before; only what was asked for may be there."""
    root, folder = small
    file = tmp_path / "signatures.toml"
    file.write_text("# ours\n", encoding="utf-8")
    assemble(root, folder, None)
    add([file], folder)
    write_zip(folder, tmp_path / "package.zip")
    with zipfile.ZipFile(tmp_path / "package.zip") as inside:
        assert inside.read("signatures.toml") == b"# ours\n"
    assert problems(folder, _names(folder), bytecode=False, added=frozenset({"signatures.toml"})) == []
    assert problems(folder, _names(folder), bytecode=False) == ["signatures.toml does not belong into the package"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent.toml", "is no file"),
        ("host.json", "cannot be added"),
        ("function_app.py", "cannot be added"),
        ("more.py", "cannot be added"),
        ("local.settings.json", "cannot be added"),
        (".hidden", "cannot be added"),
    ],
)
def test_a_file_that_cannot_be_added_is_named_before_anything_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    """Nothing of the product is replaced, and no code comes in that way."""
    if not said.endswith("no file"):
        (tmp_path / name).write_text("", encoding="utf-8")
    assert main(["build", "--output", str(tmp_path / "out"), "--add", str(tmp_path / name)]) == 1
    assert f"{name} {said}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_package_without_bytecode_has_none(small: tuple[Path, Path]) -> None:
    """Who asks for it where there is no Python of the deployed version gets sources alone, rather than wrong bytecode."""
    root, folder = small
    assemble(root, folder, None)
    assert problems(folder, _names(folder), bytecode=False) == []
    assert problems(folder, _names(folder), bytecode=True) != []


def test_the_lock_is_that_of_the_requirements() -> None:
    """Every version that people chose is the one that is deployed."""
    assert drift(ROOT) == []
    assert len(locked((ROOT / LOCK).read_text("utf-8"))) > 20


def test_a_requirement_that_is_not_locked_is_named(tmp_path: Path) -> None:
    """By what is asked for and what there is; what only older Pythons need is not asked for."""
    (tmp_path / LOCK).write_text("one-thing==1.0\nother==2.0\n", "utf-8")
    asked = 'One_Thing==1.0\nother==2.1\nnew==3\nold==1; python_version < "3.13"\n'
    (tmp_path / "requirements.txt").write_text(asked, "utf-8")
    assert drift(tmp_path) == [
        f"requirements.txt asks for other==2.1, and {LOCK} has 2.0",
        f"requirements.txt asks for new==3, and {LOCK} has none",
    ]


@pytest.mark.parametrize(
    "line",
    ["--index-url https://registry.example/simple", "thing @ https://registry.example/a.whl", "thing>=1", "Thing==1"],
)
def test_a_lock_holds_names_and_versions_alone(line: str) -> None:
    """No address of a registry, no range."""
    with pytest.raises(Unfit):
        locked(f"{line}\n")


# --- the real one ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as `make package` builds it, unzipped; its dependencies come from the registry."""
    output = tmp_path_factory.mktemp("package")
    command = [sys.executable, "-m", "tools.package", "build", "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "unzipped" in done.stdout
    with zipfile.ZipFile(output / "pullmedic.zip") as inside:
        inside.extractall(output / "unzipped")
    return output


@pytest.fixture(scope="module")
def without_sources(built: Path) -> Path:
    """The package with every source spoilt, so that whatever were compiled anew could not be loaded."""
    folder = built / "spoilt"
    shutil.copytree(built / "unzipped", folder)
    for path in folder.rglob("*.py"):
        path.write_text("raise ImportError('compiled anew')\n", encoding="utf-8")
    return folder


def _alone(folder: Path, code: str, *more: Path, arguments: tuple[str, ...] = ()) -> str:
    """Run ``code`` with the package and the standard library on the path, and nothing else."""
    paths = [str(folder), str(folder / SITE), *map(str, more)]
    start = f"import sys; sys.path[:0] = {paths!r}; sys.argv[1:] = {list(arguments)!r}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "ignore", "-c", start + code],
        input="",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.py313
def test_the_app_and_all_of_the_product_load_from_bytecode_alone(without_sources: Path) -> None:
    """Nothing that was left out is missed, no source is read, and nothing is written."""
    before = _names(without_sources)
    code = """
import importlib, pkgutil, function_app
import azure.ai.ml, azure.identity, azure.mgmt.authorization, azure.mgmt.containerregistry, azure.data.tables
import azure.eventgrid, azure.storage.blob, azure.storage.queue, apprise, slack_sdk, re2, msgspec
apprise.Apprise().details()
for name in ("diagnostics", "responders"):
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
print(len([n for n in sys.modules if n.startswith(("diagnostics.", "responders."))]))
"""
    assert int(_alone(without_sources, code)) > 150
    assert sorted(_names(without_sources)) == sorted(before)


@pytest.mark.slow
@pytest.mark.py313
def test_the_real_worker_indexes_the_package(without_sources: Path, tmp_path: Path) -> None:
    """The worker's library is the platform's own and lies beside the package; all else is the package's."""
    import azure_functions_runtime  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    (tmp_path / "azure_functions_runtime").symlink_to(Path(azure_functions_runtime.__file__ or "").parent)
    driver = ROOT / "tests" / "worker_driver.py"
    code = f"import runpy; runpy.run_path({str(driver)!r}, run_name='__main__')"
    said = _alone(without_sources, code, tmp_path, arguments=(str(without_sources),))
    indexed: dict[str, Any] = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert indexed["status"] == 1
    assert {"on_run_status_changed", "diagnose_failed_run", "notify_people", "sweep"} <= set(indexed["functions"])
    here = subprocess.run([sys.executable, str(driver)], input="", capture_output=True, text=True, check=True, cwd=ROOT)
    assert indexed["functions"] == json.loads(here.stdout.splitlines()[0])["functions"]


@pytest.mark.slow
@pytest.mark.py313
def test_every_dependency_of_a_dependency_is_there(built: Path) -> None:
    """In a version that it accepts, by what each wheel says of itself; and nothing is there that is not locked."""
    site = str(built / "unzipped" / SITE)
    have: dict[str, Distribution] = {_name(it): it for it in distributions(path=[site])}
    assert {name: it.version for name, it in have.items()} == locked((ROOT / LOCK).read_text("utf-8"))
    for name, it in have.items():
        for line in it.requires or ():
            needed = Requirement(line)
            if needed.marker is not None and not needed.marker.evaluate({**_DEPLOYED, "extra": ""}):
                continue
            found = have.get(needed.name.lower().replace("_", "-").replace(".", "-"))
            assert found is not None, f"{name} needs {line}"
            assert needed.specifier.contains(found.version, prereleases=True), f"{name} needs {line}"


def _name(found: Distribution) -> str:
    return found.metadata["Name"].lower().replace("_", "-").replace(".", "-")
