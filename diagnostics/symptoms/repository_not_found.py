"""The registry is there, the repository is not."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

SYMPTOM = SymptomRule(
    id="repository-not-found",
    title="The registry is there, the repository is not",
    signatures=(
        Signature(
            id="name-unknown",
            pattern=(
                r"repository name not known to registry|\bNAME_UNKNOWN\b"
                r"|\bname unknown\b%line%(?:repository|registry|unknown)"
                r"|name unknown: "
            ),
            emitter="a registry",
            names=("repository-absent",),
            accepts=(
                "NAME_UNKNOWN: repository name not known to registry",
                "Error response from daemon: name unknown: The repository with name 'a' does not exist",
            ),
            rejects=("host name unknown", "the user's name unknown to us"),
        ),
        Signature(
            id="repository-absent",
            pattern=(
                r"(?:image |the specified "
                r"|requested )?repository %q%(?P<repository>[\w*<][\w./*<>-]*[\w*>])%q%"
                r" (?:is |was |could )?(?:not (?:be )?found|does not exist|doesn't exist)"
                r"|(?:the specified|requested) repository%line%does not exist"
            ),
            emitter="ACR, Google, az cli",
            ground=Ground.LOOSE,
            names=("repository-absent",),
            accepts=(
                'repository "fraud/train" is not found',
                "The specified repository does not exist.",
                "Repository 'fraud/train' was not found in registry contoso",
            ),
            rejects=("pull access denied, repository does not exist or may require", "repository was cloned"),
        ),
        Signature(
            id="pull-access-denied",
            pattern=(
                r"pull access denied(?: for (?P<image>[^\s,]+))?,? (?:the )?repository does not exist "
                r"or may require"
            ),
            emitter="docker, containerd",
            weight=Weight.STATUS,
            accepts=(
                (
                    "pull access denied for contoso/train, repository does not exist or may require "
                    "'docker "
                    "login': denied"
                ),
                (
                    "docker.io/contoso/train:9: pull access denied, repository does not exist or may "
                    "require authorization"
                ),
            ),
            rejects=("pull access denied", "repository may require login"),
        ),
        Signature(
            id="project-absent",
            pattern=(
                r"project %q%[\w./-]+%q% not found|repo(?:sitory)? not found%line%(?:registry"
                r"|docker|ACR\b|image)"
            ),
            emitter="Harbor, Quay",
            ground=Ground.LOOSE,
            names=("repository-absent",),
            accepts=("harbor: project fraud not found", "repo not found in the registry"),
            rejects=("remote: Repository not found.", "project found"),
        ),
    ),
)
