"""The run failed on something else: the words that claim a line for storage, vaults, git, feeds, user code."""

from __future__ import annotations

from diagnostics.signatures import Signature, SymptomRule

SYMPTOM = SymptomRule(
    id="not-registry",
    title="The run failed on something else",
    signatures=(
        Signature(
            id="user-process-exited",
            pattern=(
                r"execution failed\. ?user process %line%exited with"
                r"|(?:submitted|executing) script failed with a non-zero exit code"
                r"|user program failed with"
                r"|ExecutionFailed:%near%exit_codes: \d+\s+appinsights reachable"
            ),
            emitter="Azure ML common runtime, node agent",
            foreign=True,
            container_ran=True,
            accepts=(
                "Execution failed. User process 'python' exited with status code 1. Please check log file",
                "UserError: execution failed. User process '/bin/bash' exited with exit code 137",
                "AzureMLCompute job failed.\nJobFailed: Submitted script failed with a non-zero exit code; see the log",
                "User program failed with CalledProcessError: Command 'python train.py' returned exit status 1.",
                "ExecutionFailed: [REDACTED]\n\texit_codes: 1\n\tAppinsights Reachable: Some(true)",
            ),
            rejects=(
                "Execution failed. The image could not be pulled",
                "process exited with status code 1",
                "FailedPullingImage: Unable to pull docker image",
            ),
        ),
        Signature(
            id="container-filled-the-disk",
            pattern=r"low on resource: ephemeral-storage%line%container \S+ was using",
            emitter="kubelet",
            foreign=True,
            container_ran=True,
            accepts=(
                (
                    "Pod evicted. The node was low on resource: ephemeral-storage. Container main was using 312Gi, "
                    "which exceeds its request of 0."
                ),
                (
                    "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 8Gi. "
                    "Container train was using 96Gi, request is 0, has larger consumption of ephemeral-storage."
                ),
            ),
            rejects=(
                "The node was low on resource: ephemeral-storage.",
                "The node was low on resource: memory. Container main was using 60Gi, request is 0",
            ),
        ),
        Signature(
            id="storage",
            pattern=(
                r"\.(?:blob|dfs|file|queue|table)\.core\.\w+|\.onelake\.|abfss?://|wasbs?://"
                r"|AuthorizationPermissionMismatch|AuthorizationFailure\b"
                r"|BlobNotFound|ContainerNotFound|PublicAccessNotPermitted|StreamAccess|WriteStreams"
                r"|datastore|StorageException|azcopy|blobfuse|FilesystemNotFound"
                r"|ScriptExecution\."
            ),
            emitter="Azure Storage, Azure ML data access",
            foreign=True,
            accepts=(
                "GET https://contosodata.blob.core.windows.net/train: 403 AuthorizationPermissionMismatch",
                "ScriptExecution.StreamAccess.NotFound",
            ),
            rejects=("GET https://contoso.azurecr.io/v2/: 403", "error pulling image"),
        ),
        Signature(
            id="key-vault",
            pattern=(
                r"\.vault\.(?:azure\.\w+|usgovcloudapi\.net)|keyvault\.BaseClient"
                r"|ForbiddenBy(?:Rbac|Firewall|Policy|Connection)|Microsoft\.KeyVault/"
            ),
            emitter="Azure Key Vault",
            foreign=True,
            accepts=(
                "https://contoso.vault.azure.net/secrets/a: 403 Forbidden",
                'InnerError={"code":"ForbiddenByFirewall"}',
            ),
            rejects=("customer-managed key of the registry", "vault"),
        ),
        Signature(
            id="git",
            pattern=(
                r"^\s*remote: |fatal: |git clone|git fetch|git pull|_git/|github\.com[:/]"
                r"|gitlab\.com[:/]|dev\.azure\.com|failed to clone|git-credential"
                r"|permission denied \(publickey"
            ),
            emitter="git",
            foreign=True,
            accepts=(
                "fatal: Authentication failed for 'https://github.com/contoso/a.git/'",
                'failed to clone "https://dev.azure.com/contoso/_git/a": authentication required',
            ),
            rejects=("ghcr.io/contoso/a: denied", "the digits"),
        ),
        Signature(
            id="package-feed",
            pattern=(
                r"pypi\.|/simple/|pythonhosted|pkgs\.dev\.azure\.com|conda\.anaconda"
                r"|repo\.anaconda|CondaHTTPError|npm (?:ERR!|error)|registry\.npmjs"
                r"|yarn error|nuget\.org|registry\.yarnpkg|\.whl\b|urllib3[^\n]*Retrying"
                r"|WARNING: Retrying|Retrying \(Retry\(|files\.packages\.|crates\.io|repo\.maven"
                r"|huggingface\.co|hf_hub|ReadTimeoutError\("
            ),
            emitter="pip, conda, npm",
            foreign=True,
            accepts=(
                (
                    "WARNING: Retrying (Retry(total=4)) after connection broken by "
                    "'ReadTimeoutError(\"HTTPSConnectionPool("
                ),
                "npm ERR! 403 Forbidden - GET https://npm.contoso.example/a",
            ),
            rejects=("ERROR: No matching distribution found for contosolib", "docker: toomanyrequests"),
        ),
        Signature(
            id="azure-ml-service",
            pattern=(
                r"/mlflow/|api\.azureml\.ms|\.experiments\.azureml|RestException"
                r"|not allowed to access registry|MachineLearningServices/registries"
                r"|azureml-registry|registries/[\w-]+/(?:environments|models|components|data)"
                r"|image pull secret|failed to fetch build details|no builds exist for environment"
            ),
            emitter="Azure ML services and asset registries",
            foreign=True,
            accepts=(
                "The client is not allowed to access registry contoso-assets",
                "ConnectionResetError(104, 'Connection reset by peer'))': /mlflow/v1.0/a",
            ),
            rejects=("Authentication failed for container registry docker.io", "modelmanagement"),
        ),
        Signature(
            id="credential-chain",
            pattern=(
                r"DefaultAzureCredential|ChainedTokenCredential|ManagedIdentityCredential"
                r"|EnvironmentCredential|AzureMLCredential|azure\.identity|Azure\.Identity"
                r"|MSAL\.|MsalServiceException|SSO failure|management\.azure\.com/?%q%: dial"
                r"|graph\.microsoft\.com|/MSI/auth|az login --identity"
            ),
            emitter="the user's code",
            foreign=True,
            accepts=(
                "DefaultAzureCredential failed to retrieve a token from the included credentials.",
                "ManagedIdentityCredential: Identity not found",
            ),
            rejects=("Identity (MSI) not found on the compute", "Compute Identity"),
        ),
        Signature(
            id="python-traceback",
            pattern=(
                r"ModuleNotFoundError|ImportError|OSError: \[Errno|FileNotFoundError"
                r"|PermissionError: \[|ConnectionError: |MemoryError|\bRuntimeError: "
                r"|\b(?:KeyError|ValueError|TypeError|AttributeError): |torch\.|CUDA (?:error"
                r"|out of memory)|requests\.exceptions|openai\.|\[Errno \d+\]"
                r"|CalledProcessError: Command [\"'\[]*(?:\S*/)?(?:pip|conda|mamba|apt|python)"
            ),
            emitter="the user's code",
            foreign=True,
            accepts=(
                "ModuleNotFoundError: No module named 'contoso'",
                "requests.exceptions.ConnectionError: connection refused",
                "subprocess.CalledProcessError: Command '['/opt/conda/bin/pip', 'install', 'a']' returned status 1.",
            ),
            rejects=("docker: Error response from daemon", "exec /bin/sh: exec format error"),
        ),
        Signature(
            id="container-ran",
            pattern=(
                r"container application crashed|user container has crashed|(?:liveness"
                r"|readiness|startup) probe (?:failed|errored)|CrashLoopBackOff"
                r"|back-off restarting failed container|OOMKilled|exited with code"
                r"|container \S+ failed with status code|execution script failed"
                r"|ScriptRunException"
                r"|did(?:n't| not) (?:respond to|start within)|you can also try to run image"
            ),
            emitter="container runtimes after the pull",
            foreign=True,
            accepts=(
                ("Your container application crashed. You can also try to run image contoso.azurecr.io/a:1 locally."),
                (
                    'Liveness probe failed: Get "http://10.0.0.4:5001/": dial tcp 10.0.0.4:5001: connect: '
                    "connection refused"
                ),
            ),
            rejects=("Image pull failed", "Error response from daemon: manifest unknown"),
        ),
        Signature(
            id="node-and-cluster",
            pattern=(
                r"PreemptionError|pre-?empt|NodeLost|MountVolume|FailedMount"
                r"|failed calling webhook|unable to connect to the server|docker\.sock|/api/v1/"
                r"|network plugin|failed to setup network|ResourceQuota|vCPU|cores? quota"
                r"|ComputeNotFound|Pod ephemeral local storage|terraform state|mpirun"
                r"|spawn child process"
            ),
            emitter="nodes, clusters, schedulers",
            foreign=True,
            accepts=(
                "PreemptionError: Nodes of this job got pre-empted.",
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock: permission denied",
            ),
            rejects=("ErrImagePull", "FreeDiskSpaceFailed"),
        ),
        Signature(
            id="other-services",
            pattern=(
                r"\.database\.windows|\.documents\.azure|\.servicebus\.|\.openai\.azure"
                r"|cognitiveservices|\.search\.windows|smtplib|ldaps?://|postgres(?:ql)?://|psycopg"
                r"|mysql://|pymysql|mongodb(?:\+srv)?://|pymongo"
                r"|rediss?://|redis\.exceptions|kafka\.errors|wandb: |snowflake\.connector|pyodbc"
                r"|sqlalchemy|BaseImage, BaseDockerfile, or BuildContext"
            ),
            emitter="other services of the user's",
            foreign=True,
            accepts=(
                "pyodbc: contoso.database.windows.net: connection timed out",
                "wandb: Network error (ConnectionError), entering retry loop.",
            ),
            rejects=("contoso.azurecr.io: connection timed out", "docker.io: i/o timeout"),
        ),
        Signature(
            id="image-came",
            pattern=(
                r"successfully (?:built|tagged|pushed|pulled) |was successful after"
                r"|image is up to date|writing image sha256:\S+ done"
                r"|naming to \S+ done|start(?:ing|ed) container|created container"
            ),
            emitter="docker, ACR Tasks, kubelet",
            foreign=True,
            accepts=(
                "Successfully tagged contoso.azurecr.io/azureml/a:1",
                "Run ID: cb4 was successful after 30s",
            ),
            rejects=(
                "Successfully logged into contoso.azurecr.io",
                "Successfully set up Docker configuration",
            ),
        ),
        Signature(
            id="image-pulled",
            pattern=(
                r"(?:successfully pulled image|status: (?:downloaded newer image|image is up to date) for)\b"
                r"(?:[^\S\n]+%q%%image%)?"
            ),
            emitter="docker, kubelet",
            foreign=True,
            image_came=True,
            accepts=(
                'Successfully pulled image "contoso.azurecr.io/a:1" in 3.2s',
                "Status: Downloaded newer image for python:3.11",
                "Status: Image is up to date for contoso.azurecr.io/a:1",
            ),
            rejects=("Pulling image", "Status: 404", "Digest: sha256:0f1e"),
        ),
        Signature(
            id="image-present",
            pattern=(
                r"(?:container image|PullImage) %q%%image%%q% (?:already present on machine"
                r"|returns image reference)"
            ),
            emitter="kubelet, containerd",
            foreign=True,
            image_came=True,
            accepts=(
                'Container image "contoso.azurecr.io/a:1" already present on machine',
                "Container image 'redis' already present on machine",
                'PullImage "contoso.azurecr.io/a:1" returns image reference "sha256:0f1e"',
            ),
            rejects=("the image is already present in the dataset", "Container image is not present with pull policy"),
        ),
    ),
)
