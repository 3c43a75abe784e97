"""An image failed to come, and the text does not say why: the wrappers."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

SYMPTOM = SymptomRule(
    id="insufficient-evidence",
    title="An image failed to come, and the text does not say why",
    signatures=(
        Signature(
            id="aml-pull-failed",
            pattern=(
                r"FailedPullingImage|unable to pull docker image"
                r"|run docker command to pull (?P<mode>public|private) image failed"
                r"|failed to pull docker image(?: %image%)?|AggregatedUnauthorizedAccessError"
            ),
            emitter="Azure ML node agent, common runtime",
            weight=Weight.WRAPPER,
            accepts=(
                "FailedPullingImage: Unable to pull docker image",
                (
                    "Failed to pull Docker image contoso.azurecr.io/a:1. This error may occur because the "
                    "compute could not"
                ),
            ),
            rejects=("pulled docker image", "FailedPullingData"),
        ),
        Signature(
            id="kubelet-pull-failed",
            pattern=(
                r"failed to pull image(?: %q%%image%)?|ImagePullBackOff|ErrImagePull"
                r"|back-?off pulling image(?: %q%%image%)?|ErrImageNeverPull"
                r"|failed to get sandbox image|failed to pull and unpack image|image\s?pull\s?failed"
                r"|ImageInspectError"
            ),
            emitter="kubelet",
            weight=Weight.WRAPPER,
            accepts=(
                'Failed to pull image "contoso.azurecr.io/a:1": see below',
                "Error: ImagePullBackOff",
                "Kind: Pod, Name: ImagePullFailed, Type: Warning",
            ),
            rejects=("Back-off restarting failed container", "Pulling image"),
        ),
        Signature(
            id="app-service-pull-failed",
            pattern=(
                r"image pull for %image% failed|pulling docker image %image%%line%failed"
                r"|image pull failed since"
                r"|verify docker image configuration and credentials|persistent image pull errors"
                r"|aka\.ms/cappsimagepullerrors"
                r"|(?:container|docker) image (?:pull|download)\w* (?:has )?failed|(?:unable|failed"
                r"|could not) (?:to )?pull (?:the )?(?:container |docker )?image"
                r"|(?:unable|failed) to (?:download|fetch) (?:the )?(?:container|docker) image"
                r"|error pulling image|http\+docker://\S*/images/create"
            ),
            emitter="app service, container apps",
            weight=Weight.WRAPPER,
            accepts=(
                ("Image pull failed: Verify docker image configuration and credentials (if using private repository)"),
                "Pulling docker image contoso.azurecr.io/a:1 over VNET failed.",
            ),
            rejects=(
                "Pulling image: contoso.azurecr.io/a:1",
                "failed to download the dataset",
                "Failed to download image https://contoso.com/cat.jpg",
            ),
        ),
        Signature(
            id="instance-image-inaccessible",
            pattern=(
                r"InaccessibleImage|the image %q%[^'\"\n]+%q% in container group%near%is not "
                r"accessible"
            ),
            emitter="container instances",
            weight=Weight.WRAPPER,
            accepts=(
                "Code: InaccessibleImage",
                "The image 'redis:7' in container group 'g' is not accessible.",
            ),
            rejects=("The file is not accessible", "image accessible"),
        ),
        Signature(
            id="environment-image-awaited",
            pattern=(
                r"timeout while waiting for environment image to become available"
                r"|environment image%line%(?:not|never)%line%available"
            ),
            emitter="Azure ML online endpoints",
            weight=Weight.WRAPPER,
            accepts=(
                "Deployment failed due to timeout while waiting for Environment Image to become available.",
                "the environment image did not become available",
            ),
            rejects=("Environment Image is available", "timeout while waiting for the node"),
        ),
        Signature(
            id="model-management-5xx",
            pattern=(
                r"modelmanagement\.azureml\.\w+/%line%/images\b"
                r"|5\d\d server error%line%modelmanagement\.azureml\.\w+/%line%/images\b"
                r"|bad response from model management service:%near%response code: 5\d\d"
            ),
            emitter="Azure ML model management",
            weight=Weight.WRAPPER,
            accepts=(
                (
                    "500 Server Error: for url: "
                    "https://westeurope.modelmanagement.azureml.net/modelmanagement/v1.0/x/images"
                ),
                "Received bad response from Model Management Service:\nResponse Code: 502",
            ),
            rejects=(
                "Received bad response from Model Management Service:\nResponse Code: 404",
                "https://westeurope.modelmanagement.azureml.net/modelmanagement/v1.0/x/models",
            ),
        ),
        Signature(
            id="service-never-started",
            pattern=(
                r"ACI service creation operation finished, operation %q%Failed%q%%near%current service "
                r"state: Transitioning"
            ),
            emitter="Azure ML web services",
            weight=Weight.WRAPPER,
            accepts=(
                (
                    'ACI service creation operation finished, operation "Failed"\nService creation '
                    "polling reached terminal state, "
                    "current service state: Transitioning"
                ),
                ("ACI service creation operation finished, operation 'Failed'\ncurrent service state: Transitioning"),
            ),
            rejects=(
                ('ACI service creation operation finished, operation "Failed"\ncurrent service state: Unhealthy'),
                'ACI service creation operation finished, operation "Succeeded"',
            ),
        ),
        Signature(
            id="login-never-worked",
            pattern=(
                r"failed to login, ran out of retries|failed to set docker credentials"
                r"|unable to authenticate using AAD or admin login credentials"
            ),
            emitter="ACR Tasks, az acr",
            weight=Weight.WRAPPER,
            accepts=("failed to login, ran out of retries:", "failed to set docker credentials: "),
            rejects=("Successfully logged into contoso.azurecr.io", "failed to login to the portal"),
        ),
        Signature(
            id="docker-api-exception",
            pattern=(r"DockerApiException"),
            emitter="app service",
            weight=Weight.TRACE,
            accepts=(
                "DockerApiException: Docker API responded with status code=InternalServerError",
                "dockerapiexception",
            ),
            rejects=(
                "Job environment preparation failed on 10.0.0.4",
                "docker api",
            ),
        ),
        Signature(
            id="not-local",
            pattern=r"unable to find image %q%%image%%q% locally",
            emitter="docker",
            weight=Weight.TRACE,
            ground=Ground.SHARED,
            accepts=(
                "Unable to find image 'contoso.azurecr.io/a:1' locally",
                "unable to find image 'redis' locally",
            ),
            rejects=("Unable to find the file locally", "image found locally"),
        ),
    ),
)
