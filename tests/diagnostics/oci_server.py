"""A real registry (CNCF distribution) with TLS and token authentication, and an issuer of tokens of our own.

Images are pushed with tokens that the helper makes itself; what a stranger may read is what the issuer grants: to pull
from repositories under ``public/``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["OciServer", "find_registry", "running_registry"]

SERVICE, ISSUER = "local-registry", "local-issuer"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
_TRIES, _POLLS, _POLL_SECONDS = 3, 300, 0.05


def find_registry(environ: Mapping[str, str]) -> Path | None:
    """Return where the registry's program is, by ``PULLMEDIC_DOCKER_REGISTRY`` or on the path."""
    found = environ.get("PULLMEDIC_DOCKER_REGISTRY") or shutil.which("docker-registry")
    return Path(found) if found and Path(found).exists() else None


class _Signer:
    """Makes tokens that the registry trusts, by a certificate in each token's head (``x5c``)."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def token(self, repository: str, *actions: str) -> str:
        """Return a token for ``actions`` on ``repository``; without actions it allows nothing."""
        now = int(datetime.now(UTC).timestamp())
        access = [{"type": "repository", "name": repository, "actions": list(actions)}] if actions else []
        claims = {"iss": ISSUER, "aud": SERVICE, "sub": "", "nbf": now - 60, "iat": now, "exp": now + 600, "jti": "1"}
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        head = {"x5c": [base64.b64encode(der).decode()]}
        return jwt.encode({**claims, "access": access}, self._key, algorithm="ES256", headers=head)


class OciServer:
    """The running registry: ``host`` with its port, ``issuer`` likewise, and how to push to it."""

    def __init__(self, host: str, issuer: str, bundle: Path, signer: _Signer) -> None:
        self.host, self.issuer, self.bundle = host, issuer, bundle
        self.asked: list[str] = []
        self._signer = signer

    def push(self, repository: str, reference: str, document: bytes, media_type: str) -> str:
        """Push a manifest's bytes and return its digest."""
        url = f"https://{self.host}/v2/{repository}/manifests/{reference}"
        answer = self._send("PUT", repository, url, data=document, headers={"Content-Type": media_type})
        return str(answer.headers["Docker-Content-Digest"])

    def push_image(self, repository: str, reference: str, size: int = 2048) -> dict[str, Any]:
        """Push an image of one layer of ``size`` bytes; return the entry that an index has of it."""
        config = self._described(repository, b'{"architecture":"amd64","os":"linux"}', "config")
        layer = self._described(repository, os.urandom(size), "layer")
        shown = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}
        document = json.dumps(shown).encode()
        digest = self.push(repository, reference, document, OCI_MANIFEST)
        return {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(document)}

    def push_index(self, repository: str, reference: str, *platforms: str) -> None:
        """Push an index with an image for each platform."""
        entries = []
        for number, platform in enumerate(platforms):
            system, architecture = platform.split("/")
            entry = self.push_image(repository, f"part-{number}", size=1024 * (number + 1))
            entries.append({**entry, "platform": {"os": system, "architecture": architecture}})
        shown = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        self.push(repository, reference, json.dumps(shown).encode(), OCI_INDEX)

    def push_schema_1(self, repository: str, reference: str) -> None:
        """Push a signed manifest of schema 1, as clients did until 2015 (distribution, *Image Manifest V 2, Schema 1*)."""
        layer = self._described(repository, os.urandom(512), "layer")["digest"]
        history = [{"v1Compatibility": json.dumps({"id": "a" * 64, "created": "2015-01-01T00:00:00Z"})}]
        shown = {"schemaVersion": 1, "name": repository, "tag": reference, "architecture": "amd64"}
        document = json.dumps({**shown, "fsLayers": [{"blobSum": layer}], "history": history}, indent=3).encode()
        self.push(repository, reference, _signed(document), SCHEMA_1)

    def remove_blobs(self, repository: str, reference: str) -> None:
        """Delete every layer that a manifest names, as a careless clean-up does."""
        url = f"https://{self.host}/v2/{repository}/manifests/{reference}"
        document = self._send("GET", repository, url, headers={"Accept": OCI_MANIFEST}).json()
        for layer in document["layers"]:
            self._send("DELETE", repository, f"https://{self.host}/v2/{repository}/blobs/{layer['digest']}")

    def _described(self, repository: str, data: bytes, kind: str) -> dict[str, Any]:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        start = self._send("POST", repository, f"https://{self.host}/v2/{repository}/blobs/uploads/")
        where = start.headers["Location"]
        separator = "&" if "?" in where else "?"
        self._send("PUT", repository, f"{where}{separator}digest={digest}", data=data)
        return {"mediaType": f"application/vnd.oci.image.{kind}.v1", "digest": digest, "size": len(data)}

    def _send(self, method: str, repository: str, url: str, **options: Any) -> requests.Response:
        token = self._signer.token(repository, "pull", "push", "delete")
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        answer = requests.request(method, url, headers=headers, verify=str(self.bundle), timeout=20, **options)
        assert answer.ok, (answer.status_code, answer.text)
        return answer


def _signed(document: bytes) -> bytes:
    """Sign as libtrust does: a JSON Web Signature laid into the document before its last brace."""
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    named = ":".join(name[start : start + 4] for start in range(0, len(name), 4))
    point = {axis: _plain(value.to_bytes(32, "big")) for axis, value in (("x", numbers.x), ("y", numbers.y))}
    tail = document[document.rindex(b"\n") :]
    kept = {"formatLength": len(document) - len(tail), "formatTail": _plain(tail), "time": "2015-01-01T00:00:00Z"}
    protected = _plain(json.dumps(kept).encode())
    from jwt.algorithms import ECAlgorithm  # noqa: PLC0415

    signature = _plain(ECAlgorithm(ECAlgorithm.SHA256).sign(f"{protected}.{_plain(document)}".encode(), key))
    head = {"jwk": {"crv": "P-256", "kid": named, "kty": "EC", **point}, "alg": "ES256"}
    signatures = json.dumps([{"header": head, "signature": signature, "protected": protected}])
    return document[: kept["formatLength"]] + b',\n   "signatures": ' + signatures.encode() + tail  # type: ignore[index]


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def running_registry(program: Path, folder: Path) -> Iterator[OciServer]:
    """Run the registry and the issuer on free ports of loopback, and yield how to reach them."""
    authority, signer = trustme.CA(), _Signer()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    (folder / "tokens.pem").write_bytes(signer.pem)
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    with _issuing(signer, certificate) as issuer:
        for _ in range(_TRIES):  # another process may take a port between finding it free and listening on it
            port = _free_port()
            server = OciServer(f"localhost:{port}", f"localhost:{issuer.server_port}", bundle, signer)
            issuer.asked = server.asked
            with _process(program, folder, port, issuer.server_port) as process:
                if _listens(process, port):
                    yield server
                    return
    raise RuntimeError(f"the registry did not start: {program}")


class _Issuer(ThreadingHTTPServer):
    asked: list[str]
    signer: _Signer


class _Tokens(BaseHTTPRequestHandler):
    """Grants a stranger the pull from repositories under ``public/``, and nothing else."""

    server: _Issuer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        scope = parse_qs(urlsplit(self.path).query).get("scope", [""])[0]
        _, _, rest = scope.partition(":")
        name = rest.rpartition(":")[0]
        token = self.server.signer.token(name, *(["pull"] if name.startswith("public/") else []))
        body = json.dumps({"token": token}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def _issuing(signer: _Signer, certificate: trustme.LeafCert) -> Iterator[_Issuer]:
    issuer = _Issuer(("127.0.0.1", 0), _Tokens)
    issuer.signer, issuer.asked = signer, []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    issuer.socket = context.wrap_socket(issuer.socket, server_side=True)
    thread = threading.Thread(target=issuer.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield issuer
    finally:
        issuer.shutdown()
        thread.join(timeout=10)
        issuer.server_close()


@contextmanager
def _process(program: Path, folder: Path, port: int, issuer_port: int) -> Iterator[subprocess.Popen[bytes]]:
    config = folder / "config.yml"
    config.write_text(_config(folder, port, issuer_port))
    process = subprocess.Popen(
        [str(program), "serve", str(config)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _config(folder: Path, port: int, issuer_port: int) -> str:
    return json.dumps(
        {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
            "compatibility": {"schema1": {"enabled": True}},
            "http": {
                "addr": f"127.0.0.1:{port}",
                "tls": {"certificate": str(folder / "server.pem"), "key": str(folder / "server.key")},
            },
            "auth": {
                "token": {
                    "realm": f"https://localhost:{issuer_port}/token",
                    "service": SERVICE,
                    "issuer": ISSUER,
                    "rootcertbundle": str(folder / "tokens.pem"),
                }
            },
        }
    )


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    for _ in range(_POLLS):
        if process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=_POLL_SECONDS).close()
        except OSError:
            threading.Event().wait(_POLL_SECONDS)
        else:
            return True
    return False
