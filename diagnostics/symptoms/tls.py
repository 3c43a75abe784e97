"""Certificate or handshake refused."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule

SYMPTOM = SymptomRule(
    id="tls",
    title="Certificate or handshake refused",
    signatures=(
        Signature(
            id="issuer-refused",
            pattern=(
                r"(?:x509|certificate)%line%(?:candidate authority certificate %q%%issuer%%q%\)"
                r"|(?:issuer%q%\s?[:=]|issued by:?) ?%q%%issuer%%q%(?:[),;]|$))"
            ),
            emitter="docker, containerd",
            ground=Ground.LOOSE,
            names=("tls-intercepted",),
            decisive=True,
            accepts=(
                (
                    'x509: certificate signed by unknown authority (possibly because of "x509: cannot '
                    'verify" while trying '
                    'to verify candidate authority certificate "Contoso Inspection CA")'
                ),
                "x509: certificate is not trusted, issuer: CN=Contoso Proxy CA",
            ),
            rejects=("x509: certificate signed by unknown authority", "the issuer of the invoice"),
        ),
        Signature(
            id="private-link-name",
            pattern=(
                r"certificate is valid for %line%, not "
                r"(?P<registry>[\w*<][\w.*<>-]*\.privatelink\.azurecr\.\w+)"
            ),
            emitter="docker, containerd",
            names=("reference-malformed",),
            accepts=(
                "x509: certificate is valid for *.azurecr.io, not contoso.privatelink.azurecr.io",
                (
                    "tls: failed to verify certificate: x509: certificate is valid for *.azurecr.io, "
                    "*.data.azurecr.io, not "
                    "contoso.privatelink.azurecr.io"
                ),
            ),
            rejects=(
                "x509: certificate is valid for contoso.com, not contoso.azurecr.io",
                "certificate is valid",
            ),
        ),
        Signature(
            id="certificate-refused",
            pattern=(
                r"x509: (?:certificate|cannot validate|invalid|unhandled|negative|failed|malformed"
                r"|too many|issuer|“)"
                r"|certificate (?:signed by unknown authority|has expired(?: or is not yet valid)?"
                r"|is not yet valid|is valid for %line%, not"
                r"|relies on legacy common name)"
                r"|tls: failed to (?:verify|parse) certificate|tls: bad certificate"
                r"|tls: unknown certificate"
            ),
            emitter="docker, containerd",
            ground=Ground.LOOSE,
            accepts=(
                'Get "https://contoso.azurecr.io/v2/": x509: certificate signed by unknown authority',
                "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
            ),
            rejects=("net/http: TLS handshake timeout", "the certificate of attendance"),
        ),
        Signature(
            id="handshake-refused",
            pattern=(
                r"(?:remote error|local error): tls: |tls: (?:handshake failure|protocol version"
                r"|first record does not look like"
                r"|server selected unsupported|no (?:supported versions|cipher)|unrecognized name"
                r"|internal error|client offered|oversized record"
                r"|unsupported|received unexpected handshake|error decrypting)"
                r"|server gave HTTP response to HTTPS client|CONNECTIVITY_SSL_ERROR"
            ),
            emitter="docker, containerd, az acr",
            ground=Ground.LOOSE,
            accepts=(
                'Get "https://contoso.azurecr.io/v2/": remote error: tls: handshake failure',
                "http: server gave HTTP response to HTTPS client",
                "tls: first record does not look like a TLS handshake",
            ),
            rejects=("net/http: TLS handshake timeout", "titles: first record"),
        ),
        Signature(
            id="client-library-refused",
            pattern=(
                r"(?:%acr%|mcr\.microsoft\.com|docker\.io)%line%(?:SSLError|SSL_ERROR\w*"
                r"|CERTIFICATE_VERIFY_FAILED|SSLCertVerification"
                r"|SSL certificate problem|wrong[ _]version[ _]number|self[- ]signed certificate"
                r"|EOF occurred in violation)"
                r"|(?:SSLError|SSL_ERROR\w*|SSL certificate problem"
                r"|CERTIFICATE_VERIFY_FAILED)%line%(?:%acr%|mcr\.microsoft\.com|docker\.io)"
            ),
            emitter="az cli, curl",
            accepts=(
                (
                    "HTTPSConnectionPool(host='contoso.azurecr.io', port=443): (Caused by "
                    "SSLError(SSLCertVerificationError(1"
                ),
                (
                    "curl: (60) SSL certificate problem: unable to get local issuer certificate "
                    "https://contoso.azurecr.io"
                ),
            ),
            rejects=(
                ("HTTPSConnectionPool(host='pypi.example', port=443): (Caused by SSLError(SSLCertVerificationError(1"),
                "SSL is on",
            ),
        ),
        Signature(
            id="tls-words",
            pattern=(
                r"SSL_ERROR\w*|wrong[ _]version[ _]number|CERTIFICATE_VERIFY_FAILED"
                r"|self[- ]signed certificate|SSL certificate problem"
                r"|unable to (?:get|verify) (?:the )?(?:local issuer|first) certificate|(?:SSL"
                r"|TLS) (?:handshake|negotiation) (?:failed|failure|error)"
                r"|SSLHandshakeException|schannel: |certificate (?:verification|verify) failed"
                r"|unknown certificate authority"
                r"|certificate (?:is )?(?:not trusted|untrusted|expired|invalid)"
                r"|could not establish trust relationship"
            ),
            emitter="a client of a registry",
            ground=Ground.LOOSE,
            accepts=("docker: SSL_ERROR_SYSCALL", "registry contoso: certificate verify failed"),
            rejects=("SSL enabled", "TLS handshake timeout"),
        ),
    ),
)
