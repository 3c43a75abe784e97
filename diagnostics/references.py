"""Image references: a strict parser that says which part is wrong, and what is known of registries' hosts.

The grammar is that of ``distribution/reference`` ("Grammar"), which Docker, containerd and the OCI tools
share, with Docker's reading of short names: no registry means ``docker.io``, one word there means
``library/word``, neither tag nor digest means ``latest``.
"""

from __future__ import annotations

from diagnostics.linear import pattern
from diagnostics.model import ImageReference

__all__ = [
    "ACR_SUFFIXES",
    "MalformedReference",
    "host_problems",
    "parse",
    "registry_name",
    "same_registry",
]

ACR_SUFFIXES = ("azurecr.io", "azurecr.us", "azurecr.cn")
"""Suffixes of Azure container registries' login servers in the public, US Government and China clouds."""

_LONGEST_TEXT = 4096
_LONGEST_REPOSITORY = 255
_LONGEST_TAG = 128
_HEX_LENGTH = {"sha256": 64, "sha384": 96, "sha512": 128}
_FIXES_IN_A_ROW = 4

_HOST = pattern(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*")
_IPV6 = pattern(r"\[[a-fA-F0-9:]+\]")
_COMPONENT = pattern(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = pattern(r"([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,})")
_IMAGE_ID = pattern(r"(?:library/)?[0-9a-f]{64}")
_SCHEME = pattern(r"(?i)[a-z][a-z0-9+.-]*://")
_PLACEHOLDER = pattern(r"\$\{|\$\(|\{\{|\$[A-Za-z_]|<[^<>]*>|%[A-Za-z_]+%")
_ACR_HOST = pattern(r"(?i)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.azurecr\.(?:io|us|cn)")
_ACR_TWICE = pattern(r"(?i)(.*\.azurecr\.(?:io|us|cn))(?:\.azurecr\.(?:io|us|cn))+")
_PUBLIC_HOSTS = frozenset(
    {
        "docker.io",
        "gcr.io",
        "ghcr.io",
        "index.docker.io",
        "mcr.microsoft.com",
        "nvcr.io",
        "public.ecr.aws",
        "quay.io",
        "registry-1.docker.io",
        "registry.k8s.io",
    }
)


class MalformedReference(ValueError):
    """A text that is no image reference, or one that no client can have meant.

    ``part`` is ``reference``, ``registry``, ``repository``, ``tag`` or ``digest``; ``problem`` says in words
    what is wrong with it; ``suggestion`` is the well-formed reference that was probably meant, where there is
    one.
    """

    def __init__(self, part: str, problem: str, suggestion: str | None = None) -> None:
        hint = f"; probably meant: {suggestion}" if suggestion else ""
        super().__init__(f"{part}: {problem}{hint}")
        self.part = part
        self.problem = problem
        self.suggestion = suggestion


def parse(text: str) -> ImageReference:
    """Return the reference that ``text`` writes, as Docker reads it, or raise :class:`MalformedReference`.

    Stricter than the grammar in what no client can have meant: a registry's host written twice, or without a
    repository, or in place of one. An implied tag is ``latest`` with ``tag_implied`` true. Whatever it
    returns parses back from its ``str``, with the implied tag then written out.
    """
    return _parse(text, _FIXES_IN_A_ROW)


def _parse(text: str, fixes: int) -> ImageReference:
    _check_text(text, fixes)
    name, digest = _split_digest(text, fixes)
    name, tag = _split_tag(name, text, fixes)
    if not name:
        raise MalformedReference("repository", "is missing in front")
    registry, repository = _split_registry(name)
    _check_registry(registry, repository, text, fixes)
    _check_repository(registry, repository, text, fixes)
    implied = not (tag or digest)
    tag = "latest" if implied else tag
    return ImageReference(registry=registry, repository=repository, tag=tag, digest=digest, tag_implied=implied)


def _wrong(part: str, problem: str, fixed: str | None, fixes: int) -> MalformedReference:
    """Build the error; ``fixed`` becomes its suggestion if it parses, if need be after its own suggestion."""
    if not fixed or fixes <= 0:
        return MalformedReference(part, problem)
    try:
        _parse(fixed, fixes - 1)
    except MalformedReference as error:
        return MalformedReference(part, problem, error.suggestion)
    return MalformedReference(part, problem, fixed)


# --- the whole text -----------------------------------------------------------------------------------------


def _check_text(text: str, fixes: int) -> None:
    if len(text) > _LONGEST_TEXT:
        raise MalformedReference("reference", f"has {len(text):,} characters, no reference is that long")
    if not text.strip():
        raise MalformedReference("reference", "is empty")
    _check_wrapping(text, fixes)
    if found := _PLACEHOLDER.search(text):
        raise MalformedReference("reference", f"holds the placeholder {found.group(0)!r}, which nobody replaced")
    if len(text.split()) > 1:
        raise _wrong("reference", "has a blank inside", "".join(text.split()), fixes)


def _check_wrapping(text: str, fixes: int) -> None:
    """Blanks, quotes and schemes around a reference; environments of Azure ML that are none."""
    bare = text.strip()
    if bare != text:
        raise _wrong("reference", "has a blank before or after it", bare, fixes)
    unquoted = text.strip("\"'`")
    if unquoted != text:
        raise _wrong("reference", "carries quotation marks", unquoted, fixes)
    strange = next((c for c in text if not ("!" <= c <= "~" or c.isspace())), None)
    if strange is not None:
        raise MalformedReference("reference", f"has the character {strange!a}, only ASCII is allowed")
    if text.lower().startswith("azureml:"):
        raise MalformedReference("reference", "names an Azure ML asset, not an image")
    if scheme := _SCHEME.match(text):
        rest = text[scheme.end() :].rstrip("/")
        raise _wrong("registry", f"begins with {scheme.group(0)!r}, an image reference has no scheme", rest, fixes)
    if text[-1] in "/:@":
        part = {"/": "repository", ":": "tag", "@": "digest"}[text[-1]]
        raise _wrong(part, f"is missing after the last {text[-1]!r}", text.rstrip("/:@"), fixes)


# --- its parts ----------------------------------------------------------------------------------------------


def _split_digest(text: str, fixes: int) -> tuple[str, str | None]:
    name, at, digest = text.partition("@")
    if not at:
        return text, None
    match = _DIGEST.fullmatch(digest)
    if not match:
        raise _wrong("digest", f"{_short(digest)} is not algorithm:hex", f"{name}@sha256:{digest}", fixes)
    algorithm, value = match.groups()
    expected = _HEX_LENGTH.get(algorithm.lower(), len(value))
    if len(value) != expected:
        problem = f"{algorithm} has {expected} hex digits, this one {len(value)}"
        raise MalformedReference("digest", problem)
    if digest != digest.lower() and algorithm.lower() in _HEX_LENGTH:
        raise _wrong("digest", "has upper-case letters", f"{name}@{digest.lower()}", fixes)
    return name, digest


def _split_tag(name: str, text: str, fixes: int) -> tuple[str, str | None]:
    """Cut the tag off ``name``; a colon that more slashes follow is a port, or a tag with a slash in it."""
    digest = text[len(name) :]
    slash = name.find("/")
    first = name.find(":", slash + 1)
    if first < 0:
        return name, None
    head, tag = name[:first], name[first + 1 :]
    if tag.lower().startswith("sha256:"):
        raise _wrong("digest", "stands after ':', a digest follows '@'", f"{head}@{tag}", fixes)
    if ":" in tag:
        before, _, after = tag.partition(":")
        raise _wrong(
            "tag",
            f"is written twice, {_short(before)} and {_short(after)}",
            f"{head}:{before}{digest}",
            fixes,
        )
    _check_tag(tag, head, digest, fixes)
    return head, tag


def _check_tag(tag: str, head: str, digest: str, fixes: int) -> None:
    if not tag:
        raise _wrong("tag", "is empty", head + digest, fixes)
    if len(tag) > _LONGEST_TAG:
        raise MalformedReference("tag", f"has {len(tag)} characters, {_LONGEST_TAG} are allowed")
    if not _TAG.fullmatch(tag):
        allowed = "".join(c if c.isalnum() or c in "_.-" else "-" for c in tag).lstrip(".-")
        problem = f"{_short(tag)} has {_first_strange(tag)}"
        raise _wrong("tag", problem, f"{head}:{allowed}{digest}", fixes)


def _first_strange(tag: str) -> str:
    """Name the character that breaks the tag's grammar."""
    if tag[0] in ".-":
        return f"{tag[0]!r} in front"
    strange = next(c for c in tag if not (c.isalnum() or c in "_.-"))
    return f"{strange!r}, which no tag may have"


def _split_registry(name: str) -> tuple[str, str]:
    """Tell registry from repository as Docker does (``splitDockerDomain``)."""
    head, slash, rest = name.partition("/")
    is_host = "." in head or ":" in head or head == "localhost" or head != head.lower()
    if not slash or not is_host:
        head, rest = "docker.io", name
    if head in ("docker.io", "index.docker.io"):
        head = "docker.io"
        rest = rest if "/" in rest else f"library/{rest}"
    return head, rest


def _check_registry(registry: str, repository: str, text: str, fixes: int) -> None:
    host, port = _host_and_port(registry)
    if not host:
        raise MalformedReference("registry", "is missing before the first '/'")
    if port is not None and not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise _wrong("registry", f"has {_short(port)} for a port", host + text.removeprefix(registry), fixes)
    if not (_HOST.fullmatch(host) or _IPV6.fullmatch(host)):
        raise MalformedReference("registry", f"{_short(host)} is no host name")
    if host != host.lower() and "." not in host and port is None:
        # Docker takes a first word with capitals for a host; people mean a repository.
        raise _wrong("repository", "has upper-case letters", host.lower() + text.removeprefix(host), fixes)
    if twice := _ACR_TWICE.fullmatch(host):
        problem = f"{_short(host)} carries the registry's suffix twice"
        raise _wrong("registry", problem, twice.group(1) + text.removeprefix(host), fixes)
    if host.lower() in ACR_SUFFIXES:
        raise MalformedReference("registry", f"{host} lacks the registry's name in front")
    if repository.partition("/")[0].lower() == registry.lower():
        fixed = text.replace(f"{registry}/", "", 1)  # also right behind "index.", Docker Hub's other host
        raise _wrong("registry", f"{_short(registry)} is written twice", fixed, fixes)


def _check_repository(registry: str, repository: str, text: str, fixes: int) -> None:
    if not repository:
        raise MalformedReference("repository", "is missing after the registry")
    _check_host_in_place_of_repository(registry, repository, text, fixes)
    written = repository.removeprefix("library/") if registry == "docker.io" else repository
    if len(repository) > _LONGEST_REPOSITORY:
        problem = f"has {len(repository)} characters, {_LONGEST_REPOSITORY} are allowed"
        raise MalformedReference("repository", problem)
    if repository != repository.lower():
        host = f"{registry}/" if text.startswith(f"{registry}/") else ""  # may hold the repository's letters too
        fixed = host + text.removeprefix(host).replace(written, written.lower(), 1)
        raise _wrong("repository", "has upper-case letters", fixed, fixes)
    for component in repository.split("/"):
        if not component:
            fixed = text.replace(written, "/".join(filter(None, written.split("/"))))
            raise _wrong("repository", "has two slashes in a row, or one in front", fixed, fixes)
        if not _COMPONENT.fullmatch(component):
            raise MalformedReference("repository", f"{_short(component)} breaks the grammar of a path component")
    if registry == "docker.io" and _IMAGE_ID.fullmatch(repository):
        raise MalformedReference("repository", "is an image's id: 64 hex digits name no repository")


def _check_host_in_place_of_repository(registry: str, repository: str, text: str, fixes: int) -> None:
    """Refuse ``x.azurecr.io`` alone and ``docker.io/library/x.azurecr.io``: registries, nothing to pull."""
    if registry != "docker.io":
        return
    path = repository.removeprefix("library/")
    first, _, rest = path.partition("/")
    if not (_ACR_HOST.fullmatch(first) or (first.lower() in _PUBLIC_HOSTS | {"localhost"} and not rest)):
        return
    if rest:
        meant = text[text.index(first) :]
        raise _wrong("registry", f"{_short(first)} stands behind docker.io", meant, fixes)
    raise MalformedReference("repository", f"is missing: {_short(first)} is a registry's host")


def _host_and_port(registry: str) -> tuple[str, str | None]:
    if registry.startswith("["):
        host, bracket, rest = registry.partition("]")
        return (host + bracket, rest[1:]) if rest.startswith(":") else (registry, None)
    host, colon, port = registry.partition(":")
    return host, port if colon else None


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:40]}...{text[-20:]}")


# --- registries' hosts --------------------------------------------------------------------------------------


def registry_name(login_server: str) -> str | None:
    """Return the resource name in an Azure registry's host, without the hash of a domain name label.

    Registry names have no hyphen, so ``contoso-a1b2c3.azurecr.io`` is ``contoso``. ``None`` where the host is
    none of an Azure container registry.
    """
    host = _normal(login_server)
    return host.partition(".")[0].partition("-")[0] if _ACR_HOST.fullmatch(host) else None


def same_registry(host: str, login_server: str) -> bool:
    """Tell whether ``host`` reaches the registry of ``login_server``.

    Whatever the case; port 443 and a final dot count for nothing. Besides the login server itself that is a
    regional endpoint (``name.region.geo.azurecr.io``) or a data endpoint (``name.region.data.azurecr.io``).
    """
    ours, theirs = _normal(host), _normal(login_server)
    if ours == theirs:
        return bool(ours)
    suffix = _suffix(theirs)
    labels = ours.removesuffix(f".{suffix}").split(".")
    return (
        suffix is not None
        and ours.endswith(f".{suffix}")
        and len(labels) == 3
        and all(labels)
        and labels[2] in ("geo", "data")
        and f"{labels[0]}.{suffix}" == theirs
    )


def host_problems(reference: ImageReference, login_server: str | None) -> tuple[str, ...]:
    """Say what is wrong with the registry's host though it is well-formed; empty where nothing is.

    ``login_server`` is the one that Azure states for the registry that was probably meant, ``None`` if
    unknown. Only look-alikes of it are reported (same registry, other cloud, other or missing hash): a quite
    different host is another registry, not a mistake.
    """
    host = _normal(reference.registry)
    problems = _shape_problems(reference, host)
    if login_server and not problems and not same_registry(host, login_server):
        problems = _look_alike_problems(host, _normal(login_server))
    if reference.registry != reference.registry.lower() and _suffix(host):
        problems.append("the host has upper-case letters; Docker finds a stored log-in only under the lower-case host")
    return tuple(problems)


def _shape_problems(reference: ImageReference, host: str) -> list[str]:
    problems = []
    suffix = _suffix(host)
    labels = host.removesuffix(f".{suffix}").split(".") if suffix else []
    if "privatelink" in labels:
        problems.append(
            f"{host} is the private link's DNS zone, no login server; its certificate does not cover it: "
            f"use {labels[0]}.{suffix}"
        )
    elif labels and labels[-1] == "data":
        problems.append(f"{host} is a data endpoint, it serves layers only: use {labels[0]}.{suffix}")
    first = reference.repository.partition("/")[0]
    if suffix and _ACR_HOST.fullmatch(first):
        problems.append(f"the repository begins with a login server of its own, {first}")
    return problems


def _look_alike_problems(host: str, login_server: str) -> list[str]:
    if registry_name(host) is None or registry_name(host) != registry_name(login_server):
        return []
    problems = []
    ours, theirs = host.partition(".")[0], login_server.partition(".")[0]
    if _suffix(host) != _suffix(login_server):
        problems.append(f"{host} has the suffix of another cloud: the registry's login server is {login_server}")
    elif ours != theirs and "-" not in ours:
        problems.append(f"{host} lacks the hash of the domain name label: the login server is {login_server}")
    elif ours != theirs:
        problems.append(f"{host} has another domain name label's hash: the login server is {login_server}")
    return problems


def _normal(host: str) -> str:
    return host.strip().lower().removesuffix(":443").removesuffix(".")


def _suffix(host: str) -> str | None:
    return next((suffix for suffix in ACR_SUFFIXES if host.endswith(f".{suffix}")), None)
