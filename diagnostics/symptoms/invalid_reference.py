"""The image reference is malformed: doubled host, upper case, blank, missing part."""

from __future__ import annotations

from diagnostics.signatures import Signature, SymptomRule, Weight

_MALFORMED = ("reference-malformed",)

SYMPTOM = SymptomRule(
    id="invalid-reference",
    title="The image reference is malformed",
    signatures=(
        Signature(
            id="reference-format",
            pattern=(
                r"(?:invalid argument %q%%image%%q%%line%|invalid tag %q%%image%%q%: |%q%%image%%q%: )?"
                r"(?:invalid (?:image )?reference format|repository name must (?:be lowercase"
                r"|have at least|not be)"
                r"|invalid repository name|repository name must be canonical)"
            ),
            emitter="docker, BuildKit",
            names=_MALFORMED,
            accepts=(
                "docker: invalid reference format: repository name must be lowercase.",
                ('invalid argument "contoso.azurecr.io/Fraud:1" for "-t, --tag" flag: invalid reference format'),
                'invalid tag "contoso.azurecr.io/Fraud:1": repository name must be lowercase',
            ),
            rejects=("invalid format of the date", "repository name is fine"),
        ),
        Signature(
            id="reference-not-parsed",
            pattern=(
                r"(?:could not|couldn't|cannot|can't|failed to|unable to|error) (?:parse"
                r"|parsing) (?:the )?(?:(?:docker |container )?image )?reference\b"
                r"|(?:couldn't|failed to|could not) parse (?:docker|container|image) (?:image )?name"
                r"|InvalidImageName"
                r"|invalid image reference|invalid image name %q%|\b(?:NAME|TAG)_INVALID\b"
                r"|failed to apply default image tag"
                r"|is not a valid (?:repository/tag|image reference|docker image)|invalid tag format"
            ),
            emitter="kubelet, containerd, podman, container apps",
            names=_MALFORMED,
            accepts=(
                ('Failed to apply default image tag "contoso.azurecr.io/a:": couldn\'t parse image reference'),
                "Error: InvalidImageName",
                "could not parse reference: contoso.azurecr.io//a",
                "Error parsing reference: 'a b' is not a valid repository/tag: invalid reference format",
            ),
            rejects=(
                "could not parse the date",
                "could not parse image cat.jpg",
                "Invalid image URL",
            ),
        ),
        Signature(
            id="host-twice",
            pattern=(
                r"(?:dial (?:tcp|udp): )?(?:lookup )?(?P<registry>[\w*<][\w.*<>-]*\.azurecr\.(?:io"
                r"|us|cn)[\w.*<>-]*azurecr\.(?:io|us|cn|de))\b"
            ),
            emitter="Azure ML node agent, app service",
            names=_MALFORMED,
            accepts=(
                "dial tcp: lookup contoso.azurecr.io.azurecr.io on 168.63.129.16:53: no such host",
                "imageName: contoso.azurecr.iocontoso.azurecr.io/azureml/azureml_1",
            ),
            rejects=(
                "https://contoso.azurecr.io/oauth2/token?service=contoso.azurecr.io",
                "contoso.azurecr.io/mcr.microsoft.com/azureml/base:1",
                "contoso.azurecr.io/fabrikam.azurecr.io/web:1",
            ),
        ),
        # The grammar allows a host as a repository's first part: an imported image may be called so.
        Signature(
            id="host-in-path",
            pattern=r"(?P<registry>[\w*<][\w.*<>-]*\.azurecr\.(?:io|us|cn|de))/[\w./*<>-]*azurecr\.(?:io|us|cn|de)\b",
            emitter="Azure ML node agent, app service",
            weight=Weight.ECHO,
            names=_MALFORMED,
            accepts=(
                "Image pull for contoso.azurecr.io/contoso.azurecr.io/web:1 failed",
                "imageName: contoso.azurecr.io/fabrikam.azurecr.io/web:1",
            ),
            rejects=(
                "https://contoso.azurecr.io/oauth2/token?service=contoso.azurecr.io",
                "imageName: contoso.azurecr.iocontoso.azurecr.io/azureml/azureml_1",
            ),
        ),
        Signature(
            id="host-as-repository",
            pattern=r"docker\.io/(?:library/)?%acr%",
            emitter="docker",
            names=_MALFORMED,
            accepts=(
                "The push refers to repository [docker.io/library/contoso.azurecr.io]",
                "pulling docker.io/contoso.azurecr.io/a",
            ),
            rejects=("contoso.azurecr.io/docker.io/library/redis", "docker.io/library/redis"),
        ),
        Signature(
            id="instance-reference-malformed",
            pattern=(
                r"the image '(?P<image>[^'\n]*\s[^'\n]*|[^'\n]*[:/]|[^'\n]*//[^'\n]*"
                r"|(?-i:[^'\n/]+/[^'\n:]*[A-Z][^'\n]*))' in container group%near%is not accessible"
            ),
            emitter="container instances",
            names=_MALFORMED,
            accepts=(
                "The image 'contoso/my score' in container group 'g' is not accessible.",
                "The image 'contoso.azurecr.io/score:' in container group 'g' is not accessible.",
            ),
            rejects=(
                "The image 'contoso.azurecr.io/score:1' in container group 'g' is not accessible.",
                "The image 'redis' in container group 'g' is not accessible.",
            ),
        ),
        Signature(
            id="url-malformed",
            pattern=(
                r"first path segment in URL cannot contain colon"
                r"|unsupported protocol scheme%line%(?:https?|registry|azurecr)"
                r"|parse %q%https?://%line%(?:invalid (?:port|character|URL escape)|missing protocol)"
            ),
            emitter="containerd",
            names=_MALFORMED,
            accepts=(
                'parse "https://contoso.azurecr.io:tag/v2/": invalid port ":tag" after host',
                "first path segment in URL cannot contain colon",
            ),
            rejects=("unsupported protocol", "parse error near line 3"),
        ),
    ),
)
