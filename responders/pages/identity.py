"""Who asks for a page, as App Service authentication with Microsoft Entra says, and whether that person may decide.

The platform hands over the signed-in person's claims in ``X-MS-CLIENT-PRINCIPAL`` and takes away what a caller put
there ("Work with user identities in Azure App Service authentication"). Where that authentication is off nobody takes
it away: then the header is whatever a caller wrote, and nothing of it is believed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from diagnostics.redaction import redact
from responders.fixes.values import Approvers
from responders.wording import cut, one_line

__all__ = ["Person", "SignIn", "Stranger", "Unknown", "identify", "may_see", "sign_in", "why_not"]

_HEADER = "x-ms-client-principal"
_CLAIMED = "x-ms-client-principal"
"""How every header begins by which the platform names a person."""

_ENABLED = "WEBSITE_AUTH_ENABLED"
"""Read-only, by which the platform says that its authentication is on ("Environment variables and app settings in Azure
App Service"); the Functions host goes by it as well (``EnvironmentExtensions.IsEasyAuthEnabled``).
"""

_INSTANCE = ("WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "LEGION_SERVICE_HOST")
"""One of them is there where the platform runs the app: the first in an App Service plan, the others, without it, in
Flex Consumption (``EnvironmentExtensions`` of the Functions host). ``CONTAINER_NAME``, which the host reads as well, is
set by others, too.
"""

_ISSUER = "WEBSITE_AUTH_OPENID_ISSUER"
_CONFIGURATION = "WEBSITE_AUTH_V2_CONFIG_JSON"
"""The whole configuration (``authsettingsV2``), which is there where the issuer alone is not: in a consumption plan on
Linux (issue 88 of microsoft/DurableFunctionsMonitor).
"""

_ISSUER_IN_CONFIGURATION = ("identityProviders", "azureActiveDirectory", "registration", "openIdIssuer")
_ENTRA = "aad"
_LONGEST_HEADER = 128 * 1024
_NAME = 120
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# Microsoft Entra's own names, and those that the platform's claim mapping makes of them.
_SCHEMA = "http://schemas.microsoft.com/identity/claims"
_OBJECT = (f"{_SCHEMA}/objectidentifier", "oid")
_TENANT = (f"{_SCHEMA}/tenantid", "tid")
_NAMES = ("name", "preferred_username", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn")
_ROLES = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_GROUPS = ("groups", "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups")
_OVERAGE = ("hasgroups", "_claim_names")
"""Stand in a token in place of ``groups`` where a person is in more of them than fit."""


class Unknown(StrEnum):
    """Why nobody is known to be there."""

    AUTHENTICATION_OFF = "authentication-is-off"
    NOT_SIGNED_IN = "not-signed-in"
    NOT_ENTRA = "not-microsoft-entra"
    UNREADABLE = "claims-unreadable"
    OTHER_TENANT = "another-tenant"
    ANY_TENANT = "any-tenant-can-sign-in"


@dataclass(frozen=True, slots=True)
class Stranger:
    """Nobody is known to be there; ``forged`` where headers that name a person came and were not believed."""

    reason: Unknown
    forged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is signed in.

    ``id`` is the object id in lower case, ``name`` somebody else's words, made safe. ``home`` tells that the platform
    takes sign-ins of one tenant alone, and that it is this person's. ``groups_left_out`` tells that there are more
    groups than a token holds, so that membership cannot be told.
    """

    id: str
    name: str
    tenant: str = ""
    home: bool = False
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    groups_left_out: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """What the platform says of the app's authentication: whether it is on, and the one tenant whose people it takes.

    ``hosted`` tells that the platform runs this process at all; ``tenant`` is empty where any can sign in.
    """

    hosted: bool
    on: bool
    tenant: str


def sign_in(environ: Mapping[str, str]) -> SignIn:
    """Return how the platform signs people in to the app. Pure; never raises."""
    hosted = any(environ.get(name) for name in _INSTANCE)
    return SignIn(hosted=hosted, on=_signs_people_in(environ), tenant=_tenant_of(_issuer(environ)))


def identify(headers: Mapping[str, str], environ: Mapping[str, str]) -> Person | Stranger:
    """Return who is there. ``environ`` is the app's environment, in which the platform says whether it signs people in.

    Pure; never raises. ``headers`` may be of any case.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    claimed = any(name.startswith(_CLAIMED) for name in lower)
    if not _signs_people_in(environ):
        return Stranger(Unknown.AUTHENTICATION_OFF, forged=claimed)
    if not lower.get(_HEADER):
        return Stranger(Unknown.NOT_SIGNED_IN)
    principal = _principal(lower[_HEADER])
    if principal is None:
        return Stranger(Unknown.UNREADABLE)
    if principal.get("auth_typ") != _ENTRA:
        return Stranger(Unknown.NOT_ENTRA)
    return _person(principal, _tenant_of(_issuer(environ)))


def why_not(person: Person, approvers: Approvers) -> str:
    """Return why ``person`` may not decide on fixes, in a sentence for them; empty where they may.

    App roles count only where one tenant alone can sign in: elsewhere another tenant's administrators give them, too.
    """
    if not approvers.groups and not approvers.app_roles:
        return "Nobody is named who may decide on this page: approvers.groups and approvers.app_roles are empty."
    if person.groups & approvers.groups:
        return ""
    if person.home and person.roles & approvers.app_roles:
        return ""
    if person.groups_left_out and approvers.groups:
        return (
            "You are in more groups than a sign-in can carry, so that it cannot be told whether you may decide. "
            "Have an app role given to you, and name it in approvers.app_roles."
        )
    return "You are in none of the groups, and hold none of the app roles, that may decide on fixes."


def may_see(person: Person, approvers: Approvers) -> bool:
    """Return whether ``person`` may see incidents: everybody where one tenant alone can sign in, else the approvers'
    groups, whose ids are of one tenant.
    """
    return person.home or bool(person.groups & approvers.groups)


def _signs_people_in(environ: Mapping[str, str]) -> bool:
    """Tell whether the platform runs the app and signs people in; a variable alone can be set by anybody."""
    enabled = environ.get(_ENABLED, "").strip().lower() == "true"
    return enabled and any(environ.get(name) for name in _INSTANCE)


def _issuer(environ: Mapping[str, str]) -> str:
    """Return the issuer whose tokens the platform takes; empty where it does not say."""
    alone = environ.get(_ISSUER, "")
    if alone:
        return alone
    try:
        found: Any = json.loads(environ.get(_CONFIGURATION, "null"))
    except (ValueError, RecursionError):
        return ""
    for name in _ISSUER_IN_CONFIGURATION:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _principal(header: str) -> dict[str, Any] | None:
    """Return what the header holds, ``None`` where it has not the form that the platform gives it."""
    if len(header) > _LONGEST_HEADER:
        return None
    try:
        found = json.loads(base64.b64decode(header, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("claims"), list) else None


def _person(principal: Mapping[str, Any], home: str) -> Person | Stranger:
    claims = _claims(principal["claims"])
    ids = {value.lower() for value in _of(claims, _OBJECT)}
    tenants = {value.lower() for value in _of(claims, _TENANT)}
    if len(ids) != 1 or len(tenants) > 1 or not all(_GUID.fullmatch(value) for value in ids | tenants):
        return Stranger(Unknown.UNREADABLE)
    tenant = next(iter(tenants), "")
    if home and tenant != home:
        return Stranger(Unknown.OTHER_TENANT)
    called = (*_NAMES, str(principal.get("name_typ") or ""))
    name = next((value for kind in called for value in claims.get(kind, ()) if value.strip()), "")
    return Person(
        id=next(iter(ids)),
        name=cut(one_line(redact(name)), _NAME).text,
        tenant=tenant,
        home=bool(home),
        groups=frozenset(value.lower() for value in _of(claims, _GROUPS)),
        roles=frozenset(_of(claims, _ROLES)),
        groups_left_out=_left_out(claims),
    )


def _claims(listed: list[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for claim in listed:
        kind, value = (claim.get("typ"), claim.get("val")) if isinstance(claim, dict) else (None, None)
        if isinstance(kind, str) and isinstance(value, str):
            found.setdefault(kind, []).append(value)
    return found


def _of(claims: Mapping[str, list[str]], kinds: tuple[str, ...]) -> list[str]:
    return [value for kind in kinds for value in claims.get(kind, ())]


def _left_out(claims: Mapping[str, list[str]]) -> bool:
    flag, names = _OVERAGE
    told = any(value.lower() == "true" for value in claims.get(flag, ()))
    return told or any("groups" in value for value in claims.get(names, ()))


def _tenant_of(issuer: str) -> str:
    """Return the tenant whose people alone the platform signs in; empty where the issuer names none."""
    found = [part.lower() for part in issuer.split("/") if _GUID.fullmatch(part)]
    return found[0] if len(found) == 1 else ""
