"""The zip that runs in the function app: our code, locked dependencies, bytecode; the same bytes for the same commit.

It is built for where it runs (Linux x86-64, Python 3.13), whatever builds it: pip takes wheels alone, by names and
versions of ``requirements.lock``. Dependencies lie in ``.python_packages/lib/site-packages``, which is on the worker's
path (Microsoft Learn, "Python build options for Azure Functions"). Nothing is built in Azure: the remote build of a
Flex Consumption app was seen to use another Python than the app runs (Azure/azure-dev #8538).

Bytecode carries the hash of its source and is not checked against it (PEP 552, "unchecked"): what is deployed is
read-only and unpacked with whatever times, so a check by time would compile everything anew at each cold start.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

__all__ = ["Unfit", "add", "assemble", "drift", "locked", "main", "problems", "write_zip"]

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements.lock"
SITE = PurePosixPath(".python_packages/lib/site-packages")
DEPLOYED = (3, 13)
TAG = "cpython-313"
PRODUCT = ("function_app.py", "host.json", "requirements.txt", "diagnostics", "responders")
"""What of the repository runs in the function app; everything else stays out."""

_WHERE_IT_RUNS = "/home/site/wwwroot"
_NEWEST_GLIBC = 28
"""Of the wheels (PEP 600, manylinux_2_28): the image of the Functions host is Debian 12, which has 2.36."""

_OWN_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CODE = frozenset({".py", ".pyc", ".so"})
_NOT_YOURS = frozenset({*PRODUCT, LOCK, "local.settings.json"})
"""Names that an added file may not have: what the package holds already, or what tools leave out of it."""

_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say."""

_NEVER_LOADED = frozenset({".pyi", ".pyx", ".pxd", ".c", ".h"})
"""Suffixes of stubs and sources of extensions."""

_UNCHECKED = 0b01
"""The flags of bytecode by hash that is not compared with its source (PEP 552)."""

_SHOWN = 12
_HEAD = """\
# Every package of the deployed app, with its exact version: Python 3.13 on Linux x86-64. Made from requirements.txt by
# `make lock`; `make check` says where the two differ. No address of a registry and no hash: which index serves the
# wheels, and whether it builds some itself, is decided where the package is built.
"""


class Unfit(Exception):
    """The package cannot be built, or what was built is not what it should be; the text says what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 where it is done, 1 where it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m tools.package", description="Builds the deployable package.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build the package and print what it weighs")
    build.add_argument("--output", type=Path, default=ROOT / "build", help="folder for pullmedic.zip and pullmedic/")
    build.add_argument("--without-bytecode", action="store_true", help="go without where there is no Python 3.13")
    build.add_argument(
        "--add",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help=f"a file of your own, such as signatures, which the app then finds at {_WHERE_IT_RUNS}/FILE; repeatable",
    )
    commands.add_parser("lock", help=f"write {LOCK} anew; on Python 3.13, Linux x86-64")
    commands.add_parser("check", help=f"compare {LOCK} with requirements.txt; no network")
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "build":
            _build(arguments.output, arguments.add, bytecode=not arguments.without_bytecode)
        elif arguments.command == "lock":
            _lock()
        else:
            _check()
    except Unfit as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


def _check() -> None:
    if found := drift(ROOT):
        raise Unfit("; ".join(found) + ": run `make lock`")


def _build(output: Path, added: Sequence[Path], *, bytecode: bool) -> None:
    _check()
    _check_added(added)
    compiler = _interpreter() if bytecode else None
    if bytecode and compiler is None:
        raise Unfit(
            f"no Python {_dotted(DEPLOYED)} was found, so there would be no bytecode, and each cold start would "
            "compile everything: put it on the PATH, or ask for a package without it by --without-bytecode"
        )
    folder, zipped = output / "pullmedic", output / "pullmedic.zip"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _install(folder / SITE)
    assemble(ROOT, folder, compiler)
    add(added, folder)
    names = sorted(_files(folder))
    own = frozenset(path.name for path in added)
    if wrong := problems(folder, names, bytecode=bytecode, added=own):
        raise Unfit("; ".join(wrong[:5]))
    write_zip(folder, zipped)
    # azd makes a zip of the folder itself. Its own rule for Python leaves bytecode out, unless there is a file of
    # rules, which never is in the zip (Azure/azure-dev, `createDeployableZip`).
    (folder / ".funcignore").write_text("local.settings.json\n", encoding="utf-8")
    _print_weights(folder, zipped, names)
    for path in added:
        print(f"{_WHERE_IT_RUNS}/{path.name} is yours")


def _lock() -> None:
    if sys.version_info[:2] != DEPLOYED or sysconfig.get_platform() != "linux-x86_64":
        raise Unfit(f"markers are read by the Python that runs pip: use {_dotted(DEPLOYED)} on Linux x86-64")
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        _pip("--dry-run", "--ignore-installed", "--report", str(report), "-r", str(ROOT / "requirements.txt"))
        found = [each["metadata"] for each in json.loads(report.read_text("utf-8"))["install"]]
    lines = sorted(f"{_canonical(it['name'])}=={it['version']}" for it in found)
    (ROOT / LOCK).write_text(_HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{LOCK}: {len(lines)} packages")


def locked(text: str) -> dict[str, str]:
    """Return the version of each package that a lock names. Raises :class:`Unfit` for any other line."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, equal, version = line.partition("==")
        if not equal or _canonical(name) != name or not re.fullmatch(r"[0-9][0-9A-Za-z.!+_-]*", version):
            raise Unfit(f"{LOCK} has a line that is no name==version: {line[:60]}")
        found[name] = version
    return found


def drift(root: Path) -> list[str]:
    """Return in which ways the lock does not hold what ``requirements.txt`` asks for."""
    path = root / LOCK
    if not path.exists():
        return [f"there is no {LOCK}"]
    have = locked(path.read_text("utf-8"))
    asked = _asked((root / "requirements.txt").read_text("utf-8"))
    return [
        f"requirements.txt asks for {name}=={version}, and {LOCK} has {have.get(name, 'none')}"
        for name, version in asked.items()
        if have.get(name) != version
    ]


def _asked(text: str) -> dict[str, str]:
    """Return what ``requirements.txt`` asks for where the app runs."""
    found = {}
    for line in text.splitlines():
        pin, _, marker = (part.strip() for part in line.partition(";"))
        if not pin or pin.startswith("#"):
            continue
        if marker == 'python_version < "3.13"':
            continue
        name, equal, version = pin.partition("==")
        if marker not in ("", 'python_version >= "3.13"') or not equal:
            raise Unfit(f"requirements.txt has a line that cannot be read here: {line[:80]}")
        found[_canonical(re.sub(r"\[.*\]", "", name))] = version
    return found


def _install(site: Path) -> None:
    """Put the wheels of the lock into ``site``, without what is never loaded there."""
    # What fits was decided when the lock was made; pip would ask the Python that it runs on.
    fits = ("--no-deps", "--ignore-requires-python")
    _pip(*fits, "--no-compile", "--target", str(site), "-r", str(ROOT / LOCK))
    shutil.rmtree(site / "bin", ignore_errors=True)  # scripts, with the path of the Python that ran pip
    for tests in sorted(site.glob("*/tests")):
        shutil.rmtree(tests)
    for name in list(_files(site)):
        path = PurePosixPath(name)
        if path.suffix in _NEVER_LOADED or (path.parts[0].endswith(".dist-info") and path.name in _BY_PIP):
            (site / name).unlink()
    for record in sorted(site.glob("*.dist-info/RECORD")):
        kept = [line for line in record.read_text("utf-8").splitlines() if (site / line.partition(",")[0]).is_file()]
        record.write_text("\n".join(sorted(kept)) + "\n", encoding="utf-8")


_BY_PIP = frozenset({"INSTALLER", "REQUESTED", "direct_url.json"})
"""What pip notes of how it installed: it differs from machine to machine."""


def _pip(*arguments: str) -> None:
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(_NEWEST_GLIBC, 4, -1)]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
    target = [f"--platform={platform}" for platform in platforms]
    target += [f"--python-version={_dotted(DEPLOYED)}", "--implementation=cp"]
    target += ["--abi=cp313", "--abi=abi3", "--abi=none", "--only-binary=:all:"]
    with tempfile.TemporaryDirectory() as scratch:
        into = [] if "--target" in arguments else ["--target", scratch]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", *target, *into, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-5:]
        raise Unfit(f"pip could not get the dependencies: {' '.join(said)[:2000]}")


def assemble(root: Path, folder: Path, compiler: str | None) -> None:
    """Put the product into ``folder``, beside its dependencies, and compile all of it where there is a ``compiler``."""
    for name in _product(root):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, folder / name)
    if compiler is None:
        return
    where = ["-s", str(folder), "-p", _WHERE_IT_RUNS]
    done = subprocess.run(
        [compiler, "-I", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", *where, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    if done.returncode:
        raise Unfit(f"the bytecode could not be made: {(done.stdout + done.stderr).strip()[-2000:]}")


def add(files: Sequence[Path], folder: Path) -> None:
    """Put files that are not the product's at the package's root. Raises :class:`Unfit` where one cannot be there."""
    _check_added(files)
    for path in files:
        shutil.copyfile(path, folder / path.name)


def _check_added(files: Sequence[Path]) -> None:
    for name, count in Counter(path.name for path in files).items():
        if count > 1:
            raise Unfit(f"{name} is added {count} times, and the root has one place of that name")
    for path in files:
        if not path.is_file():
            raise Unfit(f"{path} is no file")
        if not _OWN_FILE.fullmatch(path.name) or path.suffix in _CODE or path.name in _NOT_YOURS:
            raise Unfit(f"{path.name} cannot be added: it is a file of the product or of the tools, or code")


def _product(root: Path) -> list[str]:
    """Return the product's files: what git tracks, where there is git; what is there otherwise."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "--", *PRODUCT], capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        return sorted(listed.stdout.splitlines())
    there = [root / name for name in PRODUCT]
    inside = [path for top in there for path in ([top] if top.is_file() else sorted(top.rglob("*")))]
    files = [path for path in inside if path.is_file() and path.suffix != ".pyc"]
    return sorted(path.relative_to(root).as_posix() for path in files)


def _interpreter() -> str | None:
    """Return a Python of the deployed version."""
    for candidate in (sys.executable, f"python{_dotted(DEPLOYED)}", str(ROOT / ".venv-3.13" / "bin" / "python")):
        code = "import sys; print(sys.implementation.cache_tag)"
        try:
            done = subprocess.run([candidate, "-I", "-c", code], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.stdout.strip() == TAG:
            return candidate
    return None


def problems(folder: Path, names: Iterable[str], *, bytecode: bool, added: frozenset[str] = frozenset()) -> list[str]:
    """Return what is wrong with the content of a package: what does not belong into it, and what it lacks.

    ``added`` are the names of files at its root that somebody asked for.
    """
    there = set(names) - added
    found = [
        f"{name} is missing" for name in PRODUCT if not any(it == name or it.startswith(f"{name}/") for it in there)
    ]
    for name in sorted(there):
        path = PurePosixPath(name)
        if _top(path) not in PRODUCT and SITE not in path.parents:
            found.append(f"{name} does not belong into the package")
        elif path.suffix == ".pyc":
            found += [] if bytecode else [f"{name} is bytecode, and none was asked for"]
            found += _wrong_bytecode(folder, path, there)
        elif path.suffix == ".py" and bytecode and _compiled(path) not in there:
            found.append(f"{name} has no bytecode")
    return found


def _top(path: PurePosixPath) -> str:
    """Return what of the product a file belongs to; bytecode belongs to its source."""
    return f"{path.name.split('.')[0]}.py" if path.parts[0] == "__pycache__" else path.parts[0]


def _wrong_bytecode(folder: Path, path: PurePosixPath, there: set[str]) -> Iterator[str]:
    head = (folder / path).read_bytes()[:8]
    if path.parent.name != "__pycache__" or not path.name.endswith(f".{TAG}.pyc"):
        yield f"{path} is bytecode of another Python"
    elif str(path.parent.parent / f"{path.name.split('.')[0]}.py") not in there:
        yield f"{path} has no source"
    elif int.from_bytes(head[4:8], "little") != _UNCHECKED:
        yield f"{path} would be checked, and compiled anew, when it is loaded"


def _compiled(path: PurePosixPath) -> str:
    return str(path.parent / "__pycache__" / f"{path.stem}.{TAG}.pyc")


def write_zip(folder: Path, zipped: Path) -> None:
    """Write ``folder`` as a zip that depends on its files' names and bytes alone."""
    zipped.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as into:
        for name in sorted(_files(folder)):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            into.writestr(entry, (folder / name).read_bytes(), compresslevel=9)


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def _print_weights(folder: Path, zipped: Path, names: Sequence[str]) -> None:
    plain: Counter[str] = Counter()
    packed: Counter[str] = Counter()
    files: Counter[str] = Counter()
    owners = _owners(folder / SITE)
    with zipfile.ZipFile(zipped) as inside:
        for entry in inside.infolist():
            owner = _owner(entry.filename, owners)
            plain[owner] += entry.file_size
            packed[owner] += entry.compress_size
            files[owner] += 1
    bytecode = sum((folder / name).stat().st_size for name in names if name.endswith(".pyc"))
    total = zipped.stat().st_size
    digest = hashlib.sha256(zipped.read_bytes()).hexdigest()
    print(f"{_shown(zipped)}  {_size(total)} zipped, {_size(plain.total())} unzipped, {files.total()} files")
    print(f"sha256 {digest}")
    print(f"bytecode: {_size(bytecode)}" if bytecode else "no bytecode")
    print(f"\n{'package':<34}{'zipped':>10}{'share':>8}{'unzipped':>11}{'files':>8}")
    largest = [owner for owner, _ in packed.most_common(_SHOWN) if owner != "pullmedic"]
    for owner in ("pullmedic", *largest):
        share = packed[owner] / packed.total()
        print(f"{owner:<34}{_size(packed[owner]):>10}{share:>8.1%}{_size(plain[owner]):>11}{files[owner]:>8}")
    rest = [owner for owner in packed if owner not in ("pullmedic", *largest)]
    less, more = sum(packed[owner] for owner in rest), sum(plain[owner] for owner in rest)
    count = sum(files[owner] for owner in rest)
    print(f"{f'{len(rest)} more':<34}{_size(less):>10}{less / packed.total():>8.1%}{_size(more):>11}{count:>8}")


def _owners(site: Path) -> dict[str, str]:
    """Return for each file of the dependencies the package that brought it."""
    found = {}
    for record in site.glob("*.dist-info/RECORD"):
        owner = record.parent.name.removesuffix(".dist-info").rpartition("-")[0]
        for line in record.read_text("utf-8").splitlines():
            found[line.partition(",")[0]] = _canonical(owner)
    return found


def _owner(name: str, owners: dict[str, str]) -> str:
    path = PurePosixPath(name)
    if SITE not in path.parents:
        return "pullmedic"
    inside = path.relative_to(SITE)
    if inside.suffix == ".pyc":
        inside = PurePosixPath(importlib.util.source_from_cache(str(inside)))
    return owners.get(str(inside), "(unknown)")


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def _size(count: int) -> str:
    return f"{count / 1024**2:.1f} MiB" if count >= 1024**2 else f"{count / 1024:.0f} KiB"


def _canonical(name: str) -> str:
    """Return a package's name as an index normalises it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit(main())
