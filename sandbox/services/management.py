"""management.azure.com: Azure Resource Manager."""

from __future__ import annotations

import importlib
import pkgutil
import re

from sandbox import arm
from sandbox.arm import Route, error, not_found, scope_groups
from sandbox.azure import Azure, entries
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request

__all__ = ["build", "needed_action"]

_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)(?:/resourceGroups/([^/]+))?", re.IGNORECASE)
_CODES = {
    400: ("BadRequest", "The request is not valid."),
    401: ("AuthenticationFailed", "Authentication failed."),
    404: ("ResourceNotFound", "The Resource was not found."),
    409: ("Conflict", "The request could not be completed due to a conflict."),
    429: ("TooManyRequests", "The request is being throttled."),
    500: ("InternalServerError", "Encountered internal server error."),
    503: ("ServiceUnavailable", "The service is unavailable."),
    504: ("GatewayTimeout", "The gateway did not receive a response within the specified time period."),
}


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Management(azure)


class _Management:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        modules = sorted(it.name for it in pkgutil.iter_modules(arm.__path__))
        self._routes: list[Route] = [
            it for name in modules for it in importlib.import_module(f"sandbox.arm.{name}").routes(azure)
        ]

    def knows(self, host: str) -> bool:
        return host == self._azure.hosts.manager

    def answer(self, request: Request) -> Reply | None:
        return self._unauthorized(request) or self._unplaced(request) or self._routed(request)

    def _unauthorized(self, request: Request) -> Answer | None:
        token = self._azure.tokens.find(request.bearer)
        if request.bearer is None:
            return _challenge("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        if token is None:
            return _challenge("InvalidAuthenticationToken", "The access token is invalid.")
        if token.audience not in self._azure.hosts.audiences:
            words = (
                f"The access token has been obtained for wrong audience or resource '{token.audience}'. "
                "It should exactly match with one of the allowed audiences 'https://management.core.windows.net/',"
                "'https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'."
            )
            return _challenge("InvalidAuthenticationTokenAudience", words)
        return None

    def _unplaced(self, request: Request) -> Answer | None:
        """Return what Resource Manager itself refuses before a provider is asked."""
        if not request.query.get("api-version"):
            words = "The api-version query parameter (?api-version=) is required for all requests."
            return error(400, "MissingApiVersionParameter", words)
        gone = [it.lower().rstrip("/") for it in entries(self._azure.world, "arm_not_found")]
        path = request.path.lower().rstrip("/")
        named = next((it for it in gone if path == it or path.startswith(it + "/")), None)
        if named:
            return not_found(request.path[: len(named)])
        return self._no_subscription(request)

    def _no_subscription(self, request: Request) -> Answer | None:
        found = _SUBSCRIPTION.match(request.path)
        if not found:
            return None
        subscription, group = found.groups()
        if subscription.lower() not in {it["id"].lower() for it in entries(self._azure.world, "subscriptions")}:
            if any(owner == subscription.lower() for owner, _ in scope_groups(self._azure)):
                return self.error(request, 403, None, None)
            return error(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
        if group and (subscription.lower(), group.lower()) not in scope_groups(self._azure):
            return error(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        return None

    def _ungranted(self, request: Request) -> Answer | None:
        """Hold the responder to its roles, as a deployment would; what else it may not read the world says itself."""
        principal = self._azure.responder.get("principal_id")
        token = self._azure.tokens.find(request.bearer)
        if not principal or token is None or token.principal_id != principal or request.method not in ("GET", "POST"):
            return None
        scope, action = needed_action(request.method, request.path)
        if not scope.lower().startswith("/subscriptions/") or self._azure.access.granted(principal, scope, action):
            return None
        return self.error(request, 403, None, None)

    def _routed(self, request: Request) -> Reply | None:
        for route in self._routes:
            found = route.pattern.fullmatch(request.path) if route.method == request.method else None
            if found:
                return self._ungranted(request) or route.handler(request, found.groupdict())
        return None

    def error(self, request: Request, status: int, code: str | None, message: str | None) -> Answer:
        if status == 403:
            return error(403, code or "AuthorizationFailed", message or self._forbidden(request))
        usual = _CODES.get(status, ("Error", "The request failed."))
        return error(status, code or usual[0], message or usual[1])

    def _forbidden(self, request: Request) -> str:
        """Return the newer of the two recorded wordings, with the action that reading the path needs."""
        client, (scope, action) = self._azure.responder_id, needed_action(request.method, request.path)
        return (
            f"The client '{client}' with object id '{client}' does not have authorization to perform action "
            f"'{action}' over scope '{scope}' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials."
        )


_POSTED_READS = frozenset({"checknameavailability"})
"""What Azure spells as a POST, though its permission is one to read."""


def needed_action(method: str, path: str) -> tuple[str, str]:
    """Return scope and action of a request, as Azure's permission reference spells actions."""
    path = path.rstrip("/")
    scope, _, rest = path.rpartition("/providers/")
    if not scope:
        return path, "/".join(["Microsoft.Resources", *path.strip("/").split("/")[::2], "read"])
    provider, *segments = rest.split("/")
    kinds = segments[::2]
    read = method == "GET" or kinds[-1].lower() in _POSTED_READS
    return scope, "/".join([provider, *kinds, "read" if read else "action"])


def _challenge(code: str, message: str) -> Answer:
    challenge = 'Bearer authorization_uri="https://login.windows.net/", error="invalid_token"'
    return error(401, code, message).plus(("WWW-Authenticate", challenge))
