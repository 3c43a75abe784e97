"""``python tests/fuzz TARGET --seconds N``: drives one target for longer, guided by coverage where Atheris is there.

Atheris (libFuzzer) has no wheel for every machine: without it the same inputs as in the tests are made, for as long.
An input that breaks a promise is written into the target's corpus, where the tests find it. Ends with 1 for a finding.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from targets import FOLDER, Target, target, targets

LONGEST = 16 * 1024


def main() -> int:
    """Run one target, all of them for ``all``, or list them."""
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description="Fuzzes one target.")
    parser.add_argument("target", nargs="?", choices=[*targets(), "all"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--plain", action="store_true", help="without Atheris")
    asked = parser.parse_args()
    if asked.target is None:
        print("\n".join(targets()))
        return 0
    logging.disable(logging.CRITICAL)
    if asked.target == "all":
        return max(_apart(name, asked.seconds, plain=asked.plain) for name in targets())
    run = _plain if asked.plain else _guided()
    return run(asked.target, asked.seconds)


def _apart(name: str, seconds: int, *, plain: bool) -> int:
    """Run a target in a process of its own: libFuzzer ends the process that it runs in."""
    print(f"--- {name}", flush=True)
    command = [sys.executable, str(FOLDER), name, "--seconds", str(seconds), *(["--plain"] if plain else [])]
    return int(subprocess.run(command, check=False).returncode != 0)


def _guided() -> Callable[[str, int], int]:
    try:
        import atheris  # noqa: PLC0415 - not on every machine
    except ImportError:
        print("Atheris is not installed here (requirements-fuzz.txt): not guided by coverage", flush=True)
        return _plain

    def run(name: str, seconds: int) -> int:
        with atheris.instrument_imports(include=["diagnostics", "responders"]):
            it = target(name)
        logging.disable(logging.CRITICAL)
        begin = mkdtemp(prefix="pullmedic-fuzz-")
        for number, seed in enumerate((*it.seeds, *(path.read_bytes() for path in it.corpus), *it.tokens)):
            (Path(begin) / str(number)).write_bytes(seed)
        options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", f"-artifact_prefix={begin}/", begin], _kept(it))
        atheris.Fuzz()
        return 0

    return run


def _kept(it: Target) -> Callable[[bytes], None]:
    """Return the target's function, which keeps an input before it raises."""

    def run(data: bytes) -> None:
        try:
            it.fuzz(data)
        except BaseException:
            print(f"found: {_keep(it, data)}", flush=True)
            raise

    return run


def _keep(it: Target, data: bytes) -> str:
    folder = FOLDER / "corpus" / it.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:12]
    path.write_bytes(data)
    return str(path.relative_to(FOLDER))


def _plain(name: str, seconds: int) -> int:
    it, runs, ends = target(name), 0, time.monotonic() + seconds
    logging.disable(logging.CRITICAL)
    dice = random.Random(time.time_ns())
    pool = [*it.seeds, *(path.read_bytes() for path in it.corpus)]
    while time.monotonic() < ends:
        data = _mutated(pool, it.tokens, dice)
        runs += 1
        try:
            it.fuzz(data)
        except Exception:  # noqa: BLE001 - whatever it is, it was found
            traceback.print_exc()
            print(f"found after {runs:,} runs: {_keep(it, data)}")
            return 1
    print(f"{name}: {runs:,} runs in {seconds} s, nothing found")
    return 0


def _mutated(pool: list[bytes], tokens: tuple[bytes, ...], dice: random.Random) -> bytes:
    data = dice.choice(pool)
    if dice.random() < 0.3:
        data = data[: dice.randint(0, len(data))] + dice.choice(pool)
    for _ in range(dice.randint(0, 6)):
        at, put = dice.randint(0, len(data)), dice.randbytes(dice.randint(0, 8))
        put = dice.choice(tokens) if tokens and dice.random() < 0.5 else put
        data = data[:at] + put + data[at + dice.choice((0, 0, 1, len(put), 16)) :]
    return data[:LONGEST]


if __name__ == "__main__":
    sys.exit(main())
