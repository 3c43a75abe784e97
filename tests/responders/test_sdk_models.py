"""Models of the Azure SDKs that many threads make for the first time at once, each time in a new process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_MADE = {
    "azure.mgmt.containerregistry": """
from azure.identity import ManagedIdentityCredential
from diagnostics.azure.clouds import CLOUDS
from diagnostics.reach import Reach
Reach(credential=ManagedIdentityCredential(), cloud=CLOUDS["AzureCloud"]).registries("14ff9242")
""",
    "azure.storage.queue": """
from responders.settings import load_settings
from responders.stores.azure_clients import open_queues
environ = {"PULLMEDIC_STORE": "azure", "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
open_queues(load_settings(environ).store)
""",
}
_LOOK = """
import sys
kinds = {kind for name, module in list(sys.modules.items()) if name.startswith("PACKAGE.") and name.endswith(".models")
         for kind in vars(module).values() if isinstance(getattr(kind, "_calculated", None), set)}
print(len(kinds), sum(f"{kind.__module__}.{kind.__qualname__}" in kind._calculated for kind in kinds))
"""
_AT_ONCE = """
import sys, threading
sys.setswitchinterval(1e-6)
from azure.mgmt.containerregistry import models
said = {"properties": {"loginServer": "turbines.azurecr.io", "encryption": {"status": "disabled"},
        "policies": {"quarantinePolicy": {"status": "enabled"}}, "networkRuleSet": {"ipRules": [{"value": "10.0.0.0/8"}]}}}
start, seen = threading.Barrier(8), []
def work():
    start.wait()
    it = models.Registry._deserialize(said, [])
    seen.append((it.login_server, str(it.policies.quarantine_policy.status.value), str(it.encryption.status.value),
                 it.network_rule_set.ip_rules[0].ip_address_or_range))
threads = [threading.Thread(target=work) for _ in range(8)]
for it in threads: it.start()
for it in threads: it.join()
print(len(seen), *sorted(set(seen)))
"""


def _said(code: str) -> str:
    """Return what ``code`` prints in a process of its own."""
    ran = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("package", _MADE)
def test_who_has_a_client_has_its_models_complete(package: str) -> None:
    """No class finds out about its members when the first answers come, several at once."""
    kinds, known = map(int, _said(_MADE[package] + _LOOK.replace("PACKAGE", package)).split())
    assert kinds > 20
    assert known == kinds


@pytest.mark.slow
def test_eight_threads_read_a_registry_for_the_first_time() -> None:
    """Each sees the same; without the first line it goes wrong in every second process."""
    complete = "from azure.mgmt import containerregistry\nfrom diagnostics.azure.models import complete\n"
    complete += "complete('azure.mgmt.containerregistry')\n"
    whole = "8 ('turbines.azurecr.io', 'enabled', 'disabled', '10.0.0.0/8')"
    assert {_said(complete + _AT_ONCE) for _ in range(8)} == {whole}
