"""No answer, or a connection cut, on the way to the registry."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_LOST = (
    r"(?:i/o timeout|connect(?:ion)?: (?:connection )?(?:refused|timed out|reset)|connection (?:refused"
    r"|timed out|reset by peer)"
    r"|no route to host|network is unreachable|host is unreachable|operation (?:timed out|was canceled)"
    r"|(?:TLS )?handshake timeout"
    r"|a connection attempt failed|context deadline exceeded|broken pipe"
    r"|use of closed network connection|no such device|target machine actively refused"
    r"|cannot assign requested address)"
)

SYMPTOM = SymptomRule(
    id="network-timeout",
    title="No answer, or a connection cut, on the way to the registry",
    signatures=(
        Signature(
            id="connection-failed",
            pattern=(
                rf"(?:dial|proxyconnect) tcp:? (?P<address>[0-9\[*<][0-9a-z.:*<>\]%-]*|[\w.-]+:\d+"
                rf"|\w*IP_?ADDR\w*\S*): %line%{_LOST}"
            ),
            emitter="docker, containerd, kubelet",
            ground=Ground.LOOSE,
            accepts=(
                'Get "https://contoso.azurecr.io/v2/": dial tcp 203.0.113.9:443: i/o timeout',
                "dial tcp [2001:db8::4]:443: connect: no route to host",
                (
                    "dial tcp 203.0.113.9:443: connectex: A connection attempt failed because the "
                    "connected "
                    "party did not"
                ),
                (
                    "dial tcp 203.0.113.9:443: connectex: No connection could be made because the target machine "
                    "actively refused it."
                ),
                "dial tcp [2001:db8::4]:443: connect: cannot assign requested address",
            ),
            rejects=("dial tcp: lookup contoso.azurecr.io on 10.0.0.10:53: no such host", "i/o timeout"),
        ),
        Signature(
            id="connection-cut",
            pattern=(
                r"\b(?:read|write) tcp \S+->(?P<address>[\w.:\[\]*<>-]+): %line%"
                r"(?:connection reset by peer|i/o timeout|broken pipe|connection timed out"
                r"|use of closed|forcibly closed)"
            ),
            emitter="docker, containerd, kubelet",
            ground=Ground.LOOSE,
            accepts=(
                "read tcp 10.0.0.4:50412->203.0.113.9:443: read: connection reset by peer",
                "write tcp 10.0.0.4:50412->203.0.113.9:443: write: broken pipe",
            ),
            rejects=("read tcp dump", "Connection reset by peer"),
        ),
        Signature(
            id="no-answer",
            pattern=(
                r"net/http: (?:request canceled|TLS handshake timeout|timeout awaiting response headers"
                r"|HTTP/1\.x transport connection broken)"
                r"|Client\.Timeout(?: or context cancellation)? (?:exceeded )?while (?:awaiting headers"
                r"|reading body)"
                r"|request canceled while waiting for connection|http2: (?:client connection (?:lost"
                r"|force closed)|server sent GOAWAY|timeout awaiting)"
                r"|http: server closed idle connection|stream error: stream ID \d+"
            ),
            emitter="docker, containerd, kubelet",
            ground=Ground.LOOSE,
            accepts=(
                'Get "https://contoso.azurecr.io/v2/": net/http: TLS handshake timeout',
                (
                    "net/http: request canceled while waiting for connection (Client.Timeout exceeded "
                    "while "
                    "awaiting headers)"
                ),
                "stream error: stream ID 5; INTERNAL_ERROR; received from peer",
            ),
            rejects=("net/http: no such cookie", "stream closed"),
        ),
        Signature(
            id="request-failed",
            pattern=(
                rf"(?:Get|Head|Post|Put|Patch) %q%https?://\S+?%q%:? (?:EOF\b|{_LOST})"
                r"|proxyconnect tcp: EOF"
            ),
            emitter="docker, containerd",
            ground=Ground.LOOSE,
            accepts=(
                'Head "https://contoso.azurecr.io/v2/a/manifests/1": EOF',
                'Get "https://contoso.azurecr.io/v2/": context deadline exceeded',
                'failed to do request: Head "https://contoso.azurecr.io/v2/": proxyconnect tcp: EOF',
            ),
            rejects=('Get "https://contoso.azurecr.io/v2/": unauthorized: no', "unexpected EOF"),
        ),
        Signature(
            id="login-server-unreachable",
            pattern=(
                r"could not connect to the registry login server(?: %q%%registry%)?"
                r"|(?:could not|cannot|can't|unable to|failed to) (?:connect to|reach) (?:the )?"
                r"(?:(?:azure )?container registry|ACR\b|docker registry|registry endpoint|login server"
                r"|%acr%)"
                r"|error reaching registry endpoint|failed to receive challenge"
                r"|(?:timed? ?out|timeout)%line%(?:connecting to|contacting|reaching"
                r"|waiting for) (?:the )?(?:(?:container|docker) registry|ACR\b|%acr%)"
                r"|(?:connection|request) to (?:the )?(?:container registry|%acr%)%line%(?:timed out"
                r"|failed|was reset|refused)"
            ),
            emitter="az acr, kubelet's credential provider, Azure ML",
            accepts=(
                "Could not connect to the registry login server 'contoso.azurecr.io'.",
                "timed out connecting to container registry contoso.azurecr.io",
                "failed to receive challenge: error reaching registry endpoint",
            ),
            rejects=(
                "failed to connect to the database",
                "timed out connecting to the workspace",
                "Timeout connecting to registry http://schema:8081",
            ),
        ),
        Signature(
            id="python-client-cut-off",
            pattern=(
                r"(?:HTTPS?ConnectionPool\(host='?|https?://|//)(?:%acr%|mcr\.microsoft\.com"
                r"|registry-1\.docker\.io|auth\.docker\.io)%line%"
                r"(?:timed out|Max retries exceeded|ConnectTimeout|connection (?:aborted|refused|reset))"
                r"|curl: \((?:7|28|35|52|56)\)%line%(?:%acr%|mcr\.microsoft\.com|docker\.io)"
            ),
            emitter="az cli, curl",
            weight=Weight.STATUS,
            accepts=(
                ("HTTPSConnectionPool(host='contoso.azurecr.io', port=443): Max retries exceeded with url: /v2/"),
                "curl: (28) Failed to connect to contoso.azurecr.io port 443: Connection timed out",
            ),
            rejects=(
                "HTTPSConnectionPool(host='pypi.contoso.example', port=443): Max retries exceeded with url: /simple/x",
                "curl: (22) The requested URL returned error: 404",
            ),
        ),
        Signature(
            id="connection-lost",
            pattern=(
                r"i/o timeout|connection reset by peer|connection refused|no route to host"
                r"|network is unreachable"
                r"|TLS handshake timeout|connection timed out|error during connect|ETIMEDOUT|ECONNRESET"
                r"|ECONNREFUSED"
            ),
            emitter="a client of a registry",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=(
                "docker pull: connection reset by peer",
                "pulling contoso.azurecr.io/a:1 ... i/o timeout",
            ),
            rejects=("timeout of the test", "the connection was made"),
        ),
    ),
)
