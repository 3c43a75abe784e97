"""A world with one of everything, and a client that is pointed at a sandbox without touching the environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import yaml

from sandbox import Sandbox, Scenario, parse_scenario
from sandbox.merge import merged

WORLD = Path(__file__).parent / "worlds" / "complete.yaml"
SUBSCRIPTION = "/subscriptions/11111111-1111-4111-8111-111111111111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-train"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/proseware-ml"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/prosereg"
SERVER = "prosereg.azurecr.io"
CLUSTER_ID = "22222222-0000-4000-8000-000000000002"
RESPONDER_ID = "55555555-0000-4000-8000-000000000001"
ARM = "https://management.azure.com"
ARM_RESOURCE = "https://management.azure.com/"
ACR_RESOURCE = "https://containerregistry.azure.net"

Start = Callable[..., "Client"]


def changed(**changes: Any) -> Scenario:
    """Lay changes over the complete world."""
    data = yaml.safe_load(WORLD.read_text(encoding="utf-8"))
    return parse_scenario(merged(data, changes))


class Client:
    """Speaks to one sandbox through its proxy, trusting its authority alone."""

    def __init__(self, azure: Sandbox) -> None:
        self.azure, self.session = azure, requests.Session()
        self.session.trust_env = False
        self.session.proxies = {"https": azure.url, "http": azure.url}
        self.session.verify = azure.environment["REQUESTS_CA_BUNDLE"]

    def call(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request."""
        return self.session.request(method, url, timeout=20, **options)

    def get(self, url: str, **options: Any) -> requests.Response:
        """One GET request."""
        return self.call("GET", url, **options)

    def token(self, resource: str = ARM_RESOURCE, **query: str) -> str:
        """Get a token from the identity endpoint."""
        environment = self.azure.environment
        answer = requests.get(
            environment["IDENTITY_ENDPOINT"],
            params={"resource": resource, "api-version": "2019-08-01", **query},
            headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
            proxies={"http": ""},
            timeout=20,
        )
        return str(answer.json()["access_token"])

    def arm(self, path: str, version: str = "2025-11-01", method: str = "GET", **options: Any) -> requests.Response:
        """One call of Resource Manager."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        query = {"api-version": version, **options.pop("params", {})}
        return self.call(method, f"{ARM}{path}", headers=headers, params=query, **options)

    def refresh_token(self, resource: str = ACR_RESOURCE, server: str = SERVER, **query: str) -> requests.Response:
        """Get the answer of a registry's exchange."""
        form = {
            "grant_type": "access_token",
            "service": server,
            "access_token": self.token(resource, **query),
        }
        return self.call("POST", f"https://{server}/oauth2/exchange", data=form)

    def registry(
        self, path: str, scope: str, server: str = SERVER, method: str = "GET", **headers: str
    ) -> requests.Response:
        """One call of a registry, with a token for a scope."""
        refresh = self.refresh_token(server=server).json()["refresh_token"]
        form = {"grant_type": "refresh_token", "service": server, "scope": scope, "refresh_token": refresh}
        access = self.call("POST", f"https://{server}/oauth2/token", data=form).json()["access_token"]
        return self.call(method, f"https://{server}{path}", headers={"Authorization": f"Bearer {access}", **headers})

    def history(self, part: str = "", run: str = "brave_run_1", **options: Any) -> requests.Response:
        """One call of the run history."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        url = f"https://northeurope.api.azureml.ms/history/v1.0{WORKSPACE}/runs/{run}{part}"
        return self.get(url, headers=headers, **options)
