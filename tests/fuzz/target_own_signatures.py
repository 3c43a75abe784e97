"""A team's own file of texts: it is read whole or refused in words, and what it adds never makes a log unreadable."""

from __future__ import annotations

import tomllib
from os import getpid
from pathlib import Path
from tempfile import gettempdir

from drawing import Draw

from diagnostics.classification import classify
from diagnostics.logs import excerpts_of_text
from diagnostics.own_signatures import OwnSignatures, WrongSignatures, install, load_own_signatures

FILE = Path(gettempdir()) / f"pullmedic-fuzz-{getpid()}.toml"
TEXT = excerpts_of_text("x", "proxy-7: quota of team vision is used up (acr1.azurecr.io/team/train:7)\n" + "a" * 2000)
WHOLE = """
[[text]]
id = "proxy-quota"
symptom = "rate-limited"
pattern = "proxy-\\\\d+: quota of team %identity% is used up"
emitter = "the proxy"
names = ["own-quota"]
decisive = true
accepts = ["proxy-7: quota of team vision is used up"]
[[cause]]
id = "own-quota"
title = "The proxy's quota is used up"
remedy = "Ask the platform team"
"""
SEEDS = (
    WHOLE.encode(),
    b"a=" + b"[" * 3000,
    WHOLE.replace("proxy-\\\\d+", "(a|aa)+(b{1,900}){1,9}").encode(),
    b"[[text]]\n",
)
TOKENS = (
    b"[[text]]\n",
    b"[[cause]]\n",
    b"pattern = '",
    b"(?P<image>",
    b"%image%",
    b"{1000}",
    b"(?i)",
    b"\\\\p{Greek}",
    b".*",
    b"accepts = [",
)


def fuzz(data: bytes) -> None:
    """Hold the loader to its promise."""
    raw = Draw(data).rest()
    FILE.write_bytes(raw)
    try:
        own = load_own_signatures(FILE)
    except WrongSignatures as error:
        assert error.problems
        assert all(len(problem) < 5_000 for problem in error.problems)
        return
    finally:
        FILE.unlink(missing_ok=True)
    tomllib.loads(raw.decode())
    try:
        install(own)
        classify(TEXT)
    finally:
        install(OwnSignatures())
