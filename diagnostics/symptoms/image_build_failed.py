"""Building the environment's image failed (ACR Tasks or a build compute)."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_DEPENDENCY = ("build-dependency-failed",)
_DEFINITION = ("build-definition-broken",)

SYMPTOM = SymptomRule(
    id="image-build-failed",
    title="Building the environment's image failed",
    signatures=(
        Signature(
            id="tasks-not-permitted",
            pattern=(
                r"(?P<code>TasksOperationsNotAllowed)"
                r"|ACR Tasks requests for the registry %q%%registry% (?:and|are)%line%not permitted"
            ),
            emitter="ACR Tasks control plane",
            names=("build-tasks-not-permitted",),
            decisive=True,
            accepts=(
                "(TasksOperationsNotAllowed) see the message",
                "ACR Tasks requests for the registry contoso and 9c1-2 are not permitted.",
            ),
            rejects=("ACR Tasks requests were queued", "operations not allowed"),
        ),
        Signature(
            id="build-compute-unusable",
            pattern=(
                r"image build run on compute failed%line%(?:not an owner|not found|does not exist|not authori[sz]ed"
                r"|not permitted|deleted|stopped|quota)|image build compute%line%(?:not found"
                r"|does not exist|not valid|invalid|failed|deleted|stopped)"
            ),
            emitter="Azure ML control plane",
            names=("build-compute-missing",),
            accepts=(
                "Image build run on compute failed: User starting the run is not an owner",
                "The image build compute 'builder' was not found",
            ),
            rejects=(
                "image build compute: builder",
                "ImageBuildComputeNotValid",
                "Image build run on compute failed: process exited with code 1",
            ),
        ),
        Signature(
            id="pip-no-match",
            pattern=(
                r"ERROR: (?:could not find a version that satisfies the requirement"
                r"|no matching distribution found for) %package%"
            ),
            emitter="pip",
            ground=Ground.BUILT,
            names=_DEPENDENCY,
            decisive=True,
            accepts=(
                "ERROR: No matching distribution found for contoso-models==9.9",
                ("ERROR: Could not find a version that satisfies the requirement torchh (from versions: none)"),
            ),
            rejects=("WARNING: You are using pip version 20", "no matching distribution of points"),
        ),
        Signature(
            id="pip-failed",
            pattern=(
                r"ResolutionImpossible|ERROR: cannot install (?P<package>\S+)%line%(?:conflict|because)"
                r"|subprocess-exited-with-error|metadata-generation-failed"
                r"|ERROR: (?:failed building wheel for %step%|could not build wheels"
                r"|failed to build installable wheels|invalid requirement"
                r"|could not open requirements file|command errored out with exit status"
                r"|package %line%requires a different python"
                r"|could not install packages due to|THESE PACKAGES DO NOT MATCH THE HASHES)"
                r"|CondaValueError: pip returned an error|CondaEnvException: pip failed|pip failed with"
                r"|unsatisfiable requirements"
            ),
            emitter="pip, conda",
            ground=Ground.BUILT,
            names=_DEPENDENCY,
            decisive=True,
            accepts=(
                "ERROR: ResolutionImpossible: for help visit",
                "ERROR: Failed building wheel for contosolib",
                "CondaEnvException: Pip failed",
                "error: subprocess-exited-with-error",
            ),
            rejects=("Successfully installed pip", "Pip subprocess error:"),
        ),
        Signature(
            id="conda-failed",
            pattern=(
                r"ResolvePackageNotFound|PackagesNotFoundError|(?:LibMamba)?UnsatisfiableError"
                r"|InvalidVersionSpec"
                r"|InvalidArchiveError|EnvironmentFileNotFound|could not solve for environment specs"
                r"|CondaVerificationError"
                r"|nothing provides (?:requested )?%package%(?: needed by|\s*$)|SpecNotFound"
            ),
            emitter="conda",
            ground=Ground.BUILT,
            names=_DEPENDENCY,
            decisive=True,
            accepts=(
                "ResolvePackageNotFound:\n  - contosolib=1",
                "PackagesNotFoundError: The following packages are not",
            ),
            rejects=("Collecting package metadata: done", "conda: command found"),
        ),
        Signature(
            id="system-package-failed",
            pattern=(
                r"(?:^|[\s\"'])E: (?:unable to locate package %package%"
                r"|package %q%\S+%q% has no installation candidate|failed to fetch"
                r"|unable to fetch some archives"
                r"|the repository %line%(?:does not have|is not signed|no longer has)"
                r"|unable to correct problems|unmet dependencies|version %line%was not found)"
                r"|ERROR: unable to select packages|unable to find a match: "
                r"|GPG error: http"
            ),
            emitter="apt, apk, yum",
            ground=Ground.BUILT,
            names=_DEPENDENCY,
            decisive=True,
            accepts=(
                "E: Unable to locate package libcontoso",
                "E: The repository 'http://x focal Release' does not have a Release file.",
            ),
            rejects=("Reading package lists... Done", "NOTE: unable to locate the package leaflet"),
        ),
        Signature(
            id="definition-broken",
            pattern=(
                r"dockerfile parse error|(?:failed to read|cannot locate specified"
                r"|unable to evaluate symlinks in|failed to open) dockerfile"
                r"|unknown instruction: %step%|failed to (?:compute|calculate) (?:cache key"
                r"|checksum of ref)|(?:COPY|ADD) failed: (?:file not found|stat |no source files"
                r"|forbidden path)"
                r"|unable to prepare context|no build stage in current context"
                r"|failed to parse (?:platform|stage name)|dockerfile%q%:? %line%(?:cannot be empty|not found)"
                r"|file with no instructions|error while (?:loading"
                r"|parsing) conda%line%(?:file|specification)"
                r"|error from sender: (?:resolve|context)"
            ),
            emitter="docker, BuildKit, ACR Tasks",
            names=_DEFINITION,
            decisive=True,
            accepts=(
                "Dockerfile parse error line 4: unknown instruction: RUNN",
                'failed to compute cache key: "/src": not found',
                "COPY failed: file not found in build context",
            ),
            rejects=("Step 3/9 : COPY . .", "failed to copy: httpReadSeeker"),
        ),
        Signature(
            id="definition-unreadable",
            pattern=r"error loading yaml",
            emitter="ACR Tasks, conda",
            ground=Ground.BUILT,
            names=_DEFINITION,
            decisive=True,
            accepts=("Error loading YAML: line 3", "error loading yaml file acb.yaml"),
            rejects=("error loading the dataset", "yaml loaded"),
        ),
        Signature(
            id="step-failed",
            pattern=(
                r"the command %line%returned a non-zero code: \d+|executor failed running \["
                r"|did not complete successfully: exit code:? \d+"
                r"|failed to run step ID: %step%|failed during run, err|Run ID: \S+ failed after"
                r"|failed to solve with frontend"
                r"|failed to solve: (?:process|failed|rpc error|[\w.-]+[/:]\S+)|error building image"
                r"|error: build step|buildx failed with"
                r"|failed to (?:load metadata for|resolve source metadata for) %image%"
                r"|docker build%line%(?:failed|exit code)"
                r"|CalledProcessError\(\d+, \['docker', 'build'"
            ),
            emitter="docker, BuildKit, ACR Tasks",
            weight=Weight.WRAPPER,
            accepts=(
                "The command '/bin/sh -c make' returned a non-zero code: 2",
                "failed to run step ID: acb_step_0: exit status 1",
                "Run ID: cb4 failed after 9s. Error: failed during run, err: exit status 1",
            ),
            rejects=(
                "Run ID: cb4 was successful after 30s",
                "exit code 0",
                "failed to solve the linear program",
                "Executor failed running task 0.0 in stage 1.0",
                "hook returned a non-zero code: 1",
            ),
        ),
        Signature(
            id="build-failed",
            pattern=(
                r"(?:docker |environment |container )?image build(?:ing)? (?:has |run on compute )?failed"
                r"|ImageBuildFail\w*|EnvironmentBuildFail\w*"
                r"|environment (?:image )?build failed|building (?:docker |container )?image failed"
                r"|(?:failed|unable|error) (?:to )?build(?:ing)? (?:the )?(?:docker |container "
                r"|environment(?:'s)? )?image\b"
                r"|failed to build (?:the )?environment(?: image|:|\.)"
                r"|image creation (?:operation )?(?:finished for image %image%, operation %q%)?failed"
                r"|build of (?:the )?(?:image|environment)%line%failed|(?:extract|details"
                r"|log file)%line%20_image_build_log\.txt"
            ),
            emitter="Azure ML control plane",
            weight=Weight.WRAPPER,
            accepts=(
                "Image build failed. For more details, check log file azureml-logs/20_image_build_log.txt",
                "Message: Docker image build failed.",
                "ImageBuildFailure",
            ),
            rejects=(
                "Image build succeeded",
                "No builds exist for environment e version 1",
                "failed to build environment CartPole-v1",
            ),
        ),
        Signature(
            id="environment-unresolved",
            pattern=r"ResolvePackageNotFound:\s+- %package%",
            emitter="conda",
            weight=Weight.TRACE,
            ground=Ground.SHARED,
            accepts=("ResolvePackageNotFound:\n  - contosolib=1", "ResolvePackageNotFound: \n\n  - python=2.8.1"),
            rejects=("ResolvePackageNotFound was raised", "PackagesNotFoundError: The following packages are not"),
        ),
        Signature(
            id="build-under-way",
            pattern=(
                r"starting image build on|Running: \['docker', 'build'|executing step ID: %step%"
                r"|step \d+/\d+ : FROM"
                r"|Logging in to registry: %registry%|Logging into Docker registry: \S+"
            ),
            emitter="ACR Tasks, Azure ML image build",
            weight=Weight.TRACE,
            accepts=(
                "======Starting Image Build on Serverless Compute======",
                "Executing step ID: acb_step_0. Timeout(sec): 5400",
                "Step 1/9 : FROM mcr.microsoft.com/azureml/base:latest",
            ),
            rejects=("Step 4/9 : RUN true", "Running: ['conda', '--version']"),
        ),
    ),
)
