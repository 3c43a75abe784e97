"""The redactor: what must go, what must stay, and what it costs."""

from __future__ import annotations

import io
import logging
import sys

import pytest
from costs import assert_linear
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.redaction import MARK, RedactingFilter, redact

SECRET = "S3ntinel4Secret"
JWT = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dGhpcyBpcyBhIHNpZw"
STORAGE_KEY = "aB3" * 28 + "xy" + "=="
ACR_PASSWORD = "x" * 20 + "Y" * 22 + "+ACR" + "D1e2F3"
ENTRA_SECRET = "abc8Q~" + "dEf-_.~1" * 4 + "xy"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nq83vEjRWeJq83vEjRW==\n-----END RSA PRIVATE KEY-----"
DIGEST = "sha256:" + "0123456789abcdef" * 4
BASE32 = "s3nt7nelabcdefghijklmnopqrstuvwxyz234567abcdefghijkl"
"""Like a classic token of Azure DevOps, which only its name gives away."""

LEAKS = {
    "SAS signature": f"https://a.blob.core.windows.net/c/l.txt?sv=2021&se=2026&sp=r&sig={SECRET}%2Bx%3D",
    "SAS signature in the middle": f"https://a.blob.core.windows.net/c?sig={SECRET}&sp=r",
    "SAS in JSON": rf'{{"u": "https://a.blob.core.windows.net/c?sp=r\u0026sig={SECRET}\u0026se=2"}}',
    "SAS URL-encoded": f"u=https%3A%2F%2Fa.blob.core.windows.net%2Fc%3Fsp%3Dr%26sig%3D{SECRET}%252B%26se%3D2",
    "Slack": f"POST https://hooks.slack.com/services/T012/B345/{SECRET} failed",
    "Slack escaped": rf"https:\/\/hooks.slack.com\/services\/T012\/B345\/{SECRET}",
    "Slack encoded": f"https%3A%2F%2Fhooks.slack.com%2Fservices%2FT0%2FB3%2F{SECRET}",
    "Logic Apps": f"https://prod-1.westeurope.logic.azure.com:443/workflows/{SECRET}/triggers?api-version=1",
    "Workflows": f"https://ab.12.environment.api.powerplatform.com:443/powerautomate/{SECRET}/x",
    "Office connector": f"https://contoso.webhook.office.com/webhookb2/{SECRET}@x/IncomingWebhook/y",
    "host and path as urllib3 says": f"host='prod-1.logic.azure.com', url: /workflows/x?sp=r&sig={SECRET} (Caused",
    "bearer": f"Authorization: Bearer {SECRET}",
    "bearer in a dict": f"{{'Authorization': 'Bearer {SECRET}', 'Accept': '*/*'}}",
    "bearer alone": f"sent Bearer {SECRET} to it",
    "basic": f"authorization: basic {SECRET}",
    "cookie": f"Set-Cookie: ARRAffinity={SECRET}; Path=/",
    "JWT": f"token was {JWT.replace('dGhp', SECRET)} ok",
    "password assigned": f"DOCKER_PASSWORD={SECRET} next",
    "password with blanks around": f"password = '{SECRET} and more'",
    "password JSON": f'{{"password": "{SECRET}"}}',
    "password in JSON in JSON": rf'{{"body": "{{\"password\": \"{SECRET}\"}}"}}',
    "password with an escaped quote": rf'{{"password": "a\"{SECRET}"}}',
    "password YAML": f"registry:\n  password: {SECRET}\n  username: me",
    "password Python": f"Registry(username='me', password='{SECRET}')",
    "token YAML": f"token: {SECRET}",
    "token in prose": f"got token: {SECRET}abc123 from it",
    "flag": f"az acr login --name x --password {SECRET} --debug",
    "flag equals": f"--client-secret={SECRET}",
    "flag JSON": f'["docker", "login", "--password", "{SECRET}"]',
    "flag -p": f"docker login x.azurecr.io -u me -p {SECRET}",
    "flag -p glued": f"docker login x.azurecr.io -u me -p{SECRET}",
    "flag -p in a list": f"['docker', 'login', '-p', '{SECRET}']",
    "echo": f"echo {SECRET} | docker login x.azurecr.io -u me --password-stdin",
    "curl": f"curl -s -u me:{SECRET} https://x.azurecr.io/v2/",
    "netrc": f"machine x login me password {SECRET}",
    "ENV": f"Step 3/9 : ENV NPM_TOKEN {SECRET}",
    "storage connection string": f"AccountName=a;AccountKey={SECRET}==;EndpointSuffix=core.windows.net",
    "service bus": f"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={SECRET}=;EntityPath=q",
    "URL user": f"https://me:{SECRET}@pkgs.dev.azure.com/x",
    "URL user with @": f"https://me:{SECRET}@1{SECRET}@pkgs.dev.azure.com/x",
    "URL token": f"https://{SECRET}0123456789@pkgs.dev.azure.com/x",
    "function key": f"https://f.azurewebsites.net/api/x?code={SECRET}0123456789==",
    "Entra ID secret": ENTRA_SECRET.replace("dEf", SECRET),
    "storage key": "key " + STORAGE_KEY.replace("aB3" * 6, SECRET + "xyz", 1),
    "ACR password": "pw " + SECRET + ACR_PASSWORD[len(SECRET) :],
    "GitHub": f"ghp_{SECRET}0123456789abcdefghij0",
    "GitHub fine-grained": f"github_pat_{SECRET}_0123456789",
    "GitLab": f"glpat-{SECRET}012345",
    "Slack token": f"xoxb-123-{SECRET}",
    "Docker Hub": f"dckr_pat_{SECRET}",
    "Docker Hub session": f"dckr_jti_{SECRET}",
    "Docker Hub of an organisation": f"dckr_oat_{SECRET}",
    "GitHub of an app": f"ghs_{SECRET}0123456789abcdefghij0",
    "GitHub by OAuth": f"gho_{SECRET}0123456789abcdefghij0",
    "GitLab deploy": f"gldt-{SECRET}012345",
    "GitLab job": f"glcbt-64_{SECRET}012345",
    "GitLab OAuth": f"gloas-{SECRET}012345",
    "Hugging Face": f"hf_{SECRET}0123456789abcdefghi",
    "Hugging Face of an organisation": f"api_org_{SECRET}0123456789abcdefghi",
    "PyPI": f"pypi-AgEIcHlwaS5vcmc{SECRET}",
    "OpenAI": f"OpenAI says: wrong key sk-proj-{SECRET}_0123456789-abc",
    "OpenAI of before": f"sk-{SECRET}012345678901234567890123456789012",
    "Anthropic": f"key sk-ant-api03-{SECRET}_0123456789-abc refused",
    "NGC": f"docker login nvcr.io with nvapi-{SECRET}_0123456789-abcdef",
    "JFrog": f"AKCp8{SECRET}0123456789abcdefghijklmnopqrstuvwxyz0123456789012345",
    "JFrog reference": f"cmVmdGtu{SECRET}0123456789abcdefghijklmnopqrstuvwxyz",
    "JFrog header": f"curl -H 'X-JFrog-Art-Api: {SECRET}' https://x.jfrog.io/api",
    "GitLab header": f"curl -H 'PRIVATE-TOKEN: {SECRET}' https://gitlab.example/api",
    "Vault": f"hvs.{SECRET}0123456789",
    "Google access": f"ya29.{SECRET}-abcdefghijklmnop",
    "Google client": f"GOCSPX-{SECRET}012345678901",
    "Google key": f"AIzaSyA{SECRET}0123456789abcdefg",
    "quay robot": "pull with team+robot:" + "S3NTINEL" * 8 + "@quay.io",
    "AWS session": f"AWS_SESSION_TOKEN={SECRET}",
    "AWS secret": f"aws_secret_access_key = {SECRET}/K7MDENG/bPxRfiCYEX",
    "AWS signature in a header": f"Authorization: AWS4-HMAC-SHA256 Credential=x, Signature={SECRET}",
    "Azure DevOps": SECRET + "A" * 61 + "AZDO" + "abcd",
    "Azure's keys since 2024": SECRET + "a" * 37 + "JQQJ99" + "BKAC" + "A" * 22,
    "npm": f"npm_{SECRET}012345678901",
    "PAT in a build": f"Step 2/9 : ENV ADO_PAT={SECRET}{BASE32}",
    "PAT in a build of before": f"Step 2/9 : ENV ADO_PAT {SECRET}{BASE32}",
    "PAT as argument": f"ARG GITHUB_PAT={SECRET}",
    "PAT as build argument": f"az acr build --build-arg PAT={SECRET} .",
    "PAT of the container registry": f"export CR_PAT={SECRET}; docker build .",
    "PAT in a layer": f"|1 ADO_PAT={SECRET} /bin/sh -c pip install x",
    "PAT YAML": f"  AZURE_DEVOPS_EXT_PAT: {SECRET}\n  other: x",
    "PAT JSON": f'{{"AZURE_DEVOPS_EXT_PAT": "{SECRET}"}}',
    "PAT after a colon": f"with the PAT: {SECRET}abc123 of mine",
    "PAT in camel case": f'{{"adoPat": "{SECRET}"}}',
    "PAT flag": f"run --pat {SECRET} --debug",
    "PAT PowerShell": f'$env:PAT = "{SECRET}"',
    "pass assigned": f"DOCKER_PASS={SECRET}",
    "pass quoted": f"DB_PASS='{SECRET} and more'",
    "pass in one word": f"DOCKERPASS={SECRET}",
    "pass YAML": f"env:\n  REGISTRY_PASS: {SECRET}\n  USER: me",
    "pass JSON": f'{{"user": "me", "pass": "{SECRET}"}}',
    "pass in JSON in JSON": rf"{{\"user\": \"me\", \"pass\": \"{SECRET}\"}}",
    "pass alone": f"user: me\npass: {SECRET}\n",
    "pass ENV": f"Step 3/9 : ENV DB_PASS {SECRET}",
    "pass flag": f"run --docker-pass {SECRET} --debug",
    "pass in a query": f"GET /x?user=me&pass={SECRET}",
    "pass of openssl": f"openssl rsa -in x -passin pass:{SECRET} -out y",
    "token YAML of a name": f"env:\n  HF_TOKEN: {SECRET}\n  USER: me",
    "name, then value": f'[{{"name":"password","value":"{SECRET}"}},{{"name":"password2","value":"{SECRET}"}}]',
    "name, then value, over lines": f'[\n  {{\n    "name": "password",\n    "value": "{SECRET}"\n  }}\n]',
    "name, then value, of a container": f'"environmentVariables":[{{"name":"DB_PASSWORD","value":"{SECRET}"}}]',
    "name, then secure value": f'{{"name": "DB_PASSWORD", "secureValue": "{SECRET}", "value": null}}',
    "name, null, value": f'{{"name": "DB_PASSWORD", "secureValue": null, "value": "{SECRET}"}}',
    "name, more, value": f'{{"name": "DB_PASSWORD", "slotSetting": false, "type": "string", "value": "{SECRET}"}}',
    "name, then value, of PAT": f'{{"name": "ADO_PAT", "value": "{SECRET}"}}',
    "name, then value, Python": f"{{'name': 'DB_PASSWORD', 'value': '{SECRET}'}}",
    "name, then value, escaped": rf"{{\"name\":\"DB_PASSWORD\",\"value\":\"{SECRET}\"}}",
    "name, then value, escaped over lines": rf"{{\n \"name\": \"password\",\n \"value\": \"{SECRET}\"\n}}",
    "name, then value, YAML": f"- name: ACR_PASSWORD\n  value: {SECRET}\n- name: USER\n  value: me",
    "name, then value, XML": f'<add key="DB_PASSWORD" value="{SECRET}" />',
    "name, then value, AWS": f"ParameterKey=DBPassword,ParameterValue={SECRET}",
    "name above value, ARM": f'"adminPassword": {{"type": "securestring", "value": "{SECRET}"}}',
    "value, then name": f'{{"value":"{SECRET}","name":"DB_PASSWORD"}}',
    "value, then name, with a quote": rf'{{"value": "a\"{SECRET}", "name": "DB_PASSWORD"}}',
    "value, then name, Python": f"{{'value': '{SECRET}', 'type': 'x', 'name': 'DB_PASSWORD'}}",
    "value, then name, escaped": rf"{{\"value\":\"{SECRET}\",\"name\":\"DB_PASSWORD\"}}",
    "value, then name, YAML": f"- value: {SECRET}\n  name: ACR_PASSWORD",
    "URL password with a slash": f"https://user:ab/{SECRET}@host/x",
    "URL password with a slash behind": f"https://user:{SECRET}/cd12@host:443/x",
    "URL password with slash and @": f"postgres://u:a/{SECRET}@1{SECRET}@db/x",
    "URL password with slashes first": f"https://u:/{SECRET}/@db/x",
    "URL user in JSON": rf"https:\/\/me:{SECRET}@pkgs.dev.azure.com\/x",
    "URL token in JSON": rf"https:\/\/{SECRET}0123456789@pkgs.dev.azure.com\/x",
    "Google signature": f"https://storage.googleapis.com/b/o?X-Goog-Expires=9&X-Goog-Signature={SECRET}&x=1",
    "AWS signature": f"https://b.s3.amazonaws.com/o?X-Amz-Signature={SECRET}",
    "CloudFront signature": f"https://d1.cloudfront.net/x?Expires=1&Signature={SECRET}~__&Key-Pair-Id=K",
    "CloudFront signature first": f"https://d1.cloudfront.net/x?Signature={SECRET}~__",
    "CloudFront signature in JSON": rf"https://d1.cloudfront.net/x?E=1\u0026Signature={SECRET}\u0026K=k",
    "Docker Hub's download": f"https://production.cloudflare.docker.com/registry-v2/x/data?verify=1700000000-{SECRET}",
    "netrc over lines": f"machine x.azurecr.io\n  login me\n  password {SECRET}\n",
    "sshpass": f"sshpass -p {SECRET} ssh me@host",
    "sshpass glued": f"sshpass -p'{SECRET}' ssh -p 22 me@host",
    "sshpass in a list": f"['sshpass', '-p', '{SECRET}', 'ssh']",
    "MySQL": f"mysql -u root -p{SECRET} -h db",
    "MySQL quoted": f"mysqldump -uroot -p'{SECRET}' runs > x.sql",
    "MySQL in a list": f'["mysql", "-u", "root", "-p{SECRET}"]',
    "curl with more flags": f"curl -sSLu me:{SECRET} https://x.azurecr.io/v2/",
    "curl in a list": f"['curl', '-u', 'me:{SECRET}']",
    "curl proxy": f"curl --proxy-user me:{SECRET} https://x.azurecr.io/v2/",
    "credentials of a copy": f"skopeo copy --src-creds me:{SECRET} --dest-creds=you:{SECRET} docker://x docker://y",
    "ACR's build argument": f"az acr build --secret-build-arg ANY={SECRET} -t x .",
    "XML": f"<add><password>{SECRET}</password></add>",
    "PEM": PEM.replace("MIIE", SECRET),
    "PEM escaped": PEM.replace("MIIE", SECRET).replace("\n", "\\n"),
    "PEM without end": f"-----BEGIN PRIVATE KEY-----\n{SECRET}{'x' * 48}\n",
    "PEM without begin": f"{SECRET}{'x' * 48}\nabcd==\n-----END PRIVATE KEY-----",
    "PEM with prefixes": "\n".join("2026-01-01T00:00:00Z | " + x for x in PEM.replace("MIIE", SECRET).split("\n")),
}

KEPT = [
    "myacr.azurecr.io/team/train:1.2.3",
    f"myacr.azurecr.io/team/train@{DIGEST}",
    f"docker.io/library/nginx:1@{DIGEST}",
    "https://myacr.azurecr.io:443/v2/team/train/manifests/latest",
    "x.azurecr.io/team/reset-password:1.2",
    "client with IP '172.214.169.102' is not allowed access. Refer https://aka.ms/acr/firewall",
    "dial tcp [2603:1030::1]:443: i/o timeout",
    "CorrelationId: 0f8fad5b-d9cd-469f-a165-70867728950e",
    "token: 0f8fad5b-d9cd-469f-a165-70867728950e of it",
    "/subscriptions/0f8fad5b-d9cd-469f-a165-70867728950e/resourceGroups/rg/providers/Microsoft.X/registries/r",
    "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    "azureml/azureml_83cea8d8015ba343d5ee43f9b331c069",
    'WWW-Authenticate: Bearer realm="https://x.azurecr.io/oauth2/token",service="x.azurecr.io",scope="a:b:pull"',
    "unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.",
    "unauthorized: incorrect username or password",
    "denied: incorrect password: access is denied for you",
    "failed to fetch anonymous token: unexpected status from GET request to https://auth.docker.io/token",
    "failed to fetch oauth token: 401 Unauthorized",
    "AADSTS7000215: Invalid client secret provided. Ensure it is the secret value, not its id",
    "refresh_token: AADSTS70043: The refresh token has expired",
    "ManagedIdentityCredential: ManagedIdentityCredential authentication unavailable.",
    "WARNING! Using --password via the CLI is insecure. Use --password-stdin.",
    "Basic authentication is off, the Basic tier has no private link",
    "secrets: [regcred]",
    '"password": null, "code": 401',
    "GET /callback?code=401&key=abc",
    "integrity sha512-" + "Ab1/" * 21 + "Ab==",
    "PRIVATE KEY-----BEGIN of a note",
    "https://dev.azure.com/organisation/_git/x",
    "the password is wrong",
    "path=/usr/bin",
    "PATH=/opt/conda/bin:/usr/bin",
    "PYTHONPATH: /azureml/code2",
    "compass: north",
    "bypass=true",
    "az storage account update --bypass AzureServices --default-action Deny",
    '"networkRuleBypassOptions": "AzureServices"',
    "expat=2.4.1-build7",
    "libexpat: 2.6.3-1ubuntu0.24.04",
    "compat: v2",
    "a pat on the back, pat by pat",
    "the PAT of the build has expired",
    "NAT/PAT: enabled1",
    "pass: 3 of 4 tests",
    "pass: 12",
    "passed=12",
    "PASS=12 FAIL=0 SKIP=3",
    "PASS: TestPullOfManifestV2AndLayersOfIt",
    "--- PASS: TestPull2 (0.02s)",
    "PASS: tests/unit/test_registry_v2.py::test_login",
    "num_pass=1200 forward_pass=fused2 first-pass=0.35s",
    "second_pass: 0.0123s",
    "two_pass: true",
    '"pass": 12, "pass": "yes", "first_pass": "fp16"',
    "ffmpeg -i a -pass 1 -y b",
    "    pat = re.compile2(x)",
    "    url, user_pass = split2(url)",
    "    self.uri_pat = pattern",
    "    continuation_token: Optional[str]",
    "pat=*.py pass=fused pass=instcombine",
    "TEST_PASS=true",
    "FIRST_PASS: bf16",
    "image: two-pass:1.2",
    "- one-pass:v1.2",
    "x.azurecr.io/team/two_pass:v1.2",
    "imagePullPolicy: IfNotPresent",
    "imagePullSecrets:\n  - name: regcred\n  - name: acr-secret",
    "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db\n      key: db-password",
    '{"name": "DB_PASSWORD", "secretRef": "db-password"}',
    '{"name": "DB_PASSWORD", "value": null}, {"name": "USER", "value": "me2"}',
    '{"name": "password", "value": {"type": "x"}}',
    '{"name": "USER", "value": "me2"}, {"name": "DB_PASSWORD"}',
    '{"value": "me2", "name": "USER"}, {"name": "DB_PASSWORD"}',
    "- value: me2\n  name: USER\n- name: DB_PASSWORD",
    '{"name": "max_tokens", "value": 4096}, {"name": "passwords", "value": "a1"}',
    '{"type": "ErrorResponse", "value": {"code": "UserError"}}',
    "max_token: 4096",
    "eos_token: EOS",
    "acquire_token: AADSTS700016",
    "get_token: 401",
    f"docker://nginx:1.25@{DIGEST}",
    f"https://registry:5000/v2/team/train@{DIGEST}",
    f"http://[2603:1030::1]:5000/team/train@{DIGEST}",
    f"oras pull oci://myacr.azurecr.io/team/train:1@{DIGEST}",
    "http://npm:4873/@types/node",
    "git+ssh://git@github.com:team/train.git@v1",
    "/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "process exited with exit code: 137",
    "GET /x?signature=none&verify=true",
    "invalid signature=x of the manifest",
    "sshpass: command not found",
    "sshpass -e ssh -p 22 me@host",
    "sshpass -f file ssh -p 22 me@host",
    "mysql -u root -p -h db -P3306",
    "docker run --name mysql -p3306:3306 mysql:8",
    "docker run --name mysql -p 127.0.0.1:3306:3306 mysql:8",
    "docker login x.azurecr.io -u me --password-stdin",
    "docker build --secret id=npm,src=.npmrc .",
    "curl -sSfLo out https://x.azurecr.io:443/v2/",
    "pip install scikit-learn sk-learn-contrib==0.1",
    "task-0123456789abcdef0123456789abcdef",
    "glibc-2.36-9+deb12u10",
    "/mnt/disk-sk-proj-1",
    "nvapi-python is no key, dapi-0123 neither",
    "myacr.azurecr.io/sk-proj-forecast-of-demand:2",
    "nvcr.io/team/nvapi-client-for-python-3-12:2",
    "pass:v1.2abcdef",
    "Step 3/9 : ENV COMPAT v12abc",
    "no_proxy=https://a:3128,https://b/x@y",
    "mysql -u root -port 3306",
    '{"value": null, "name": "password"}',
    '"byPass": "AzureServices2"',
    "monkeyJungleAdventureGame",
]


@pytest.mark.parametrize("text", LEAKS.values(), ids=LEAKS.keys())
def test_secret_goes(text: str) -> None:
    """No part of a secret is left, whatever it is written in, and the text says that something was there."""
    cleaned = redact(text)
    assert SECRET not in cleaned
    assert MARK in cleaned
    assert redact(cleaned) == cleaned


@pytest.mark.parametrize("text", KEPT)
def test_evidence_stays(text: str) -> None:
    """What a diagnosis is made of, and prose about secrets, is left as it is."""
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "https://a.blob.core.windows.net/c?sp=r&sig=abc&se=2",
            f"https://a.blob.core.windows.net/c?sp=r&sig={MARK}&se=2",
        ),
        ("https://hooks.slack.com/services/T/B/x, so", f"https://hooks.slack.com/services/{MARK} so"),
        (
            "AccountName=a;AccountKey=abc==;EndpointSuffix=b",
            f"AccountName=a;AccountKey={MARK};EndpointSuffix=b",
        ),
        ("https://me:pw@host/x", f"https://me:{MARK}@host/x"),
        ("f(password='a', user='b')", f"f(password='{MARK}', user='b')"),
        ("docker login -u me -p pw1 x.azurecr.io", f"docker login -u me -p {MARK} x.azurecr.io"),
        ("token=abc,user=b", f"token={MARK},user=b"),
        ("f(a, password=abcX)", f"f(a, password={MARK})"),
        ("${f(password=abc)} x", f"${{f(password={MARK})}} x"),
        ("{user: b, password: abc}", f"{{user: b, password: {MARK}}}"),
        ("Step 2/9 : ENV ADO_PAT=abc", f"Step 2/9 : ENV ADO_PAT={MARK}"),
        ("ENV DB_PASS abc\nRUN x", f"ENV DB_PASS {MARK}\nRUN x"),
        ("DOCKER_PASS=correcthorse; x", f"DOCKER_PASS={MARK}; x"),
        ("?user=b&pass=correct&x=1", f"?user=b&pass={MARK}&x=1"),
        ("a\n  DB_PASS: hunter2\nb", f"a\n  DB_PASS: {MARK}\nb"),
        ("db_pass = hunter2x", f"db_pass = {MARK}"),
        ("db_pass = 'correct horse'", f"db_pass = '{MARK}'"),
        ("run --pass abc --tls", f"run --pass {MARK} --tls"),
        (
            '{"name":"password","value":"a"},{"name":"user","value":"b"}',
            f'{{"name":"password","value":"{MARK}"}},{{"name":"user","value":"b"}}',
        ),
        (
            '{"value":"a","name":"user"},{"value":"b","type":"x","name":"password"}',
            f'{{"value":"a","name":"user"}},{{"value":"{MARK}","type":"x","name":"password"}}',
        ),
        (
            "- name: A\n  value: b\n- name: MY_TOKEN\n  value: c\n- name: D\n  value: e",
            f"- name: A\n  value: b\n- name: MY_TOKEN\n  value: {MARK}\n- name: D\n  value: e",
        ),
        ("- value: a\n  name: MY_TOKEN\n- value: b", f"- value: {MARK}\n  name: MY_TOKEN\n- value: b"),
        ("https://me:p/w@host/x@y", f"https://me:{MARK}@host/x@y"),
        ("?X-Goog-Signature=ab&x=1", f"?X-Goog-Signature={MARK}&x=1"),
        ("sshpass -pabc ssh -p 22 b@c", f"sshpass -p{MARK} ssh -p 22 b@c"),
        ("mysql -u root -pabc db", f"mysql -u root -p{MARK} db"),
        ("x --src-creds a:b docker://c", f"x --src-creds a:{MARK} docker://c"),
        ("--secret-build-arg A=b -t c", f"--secret-build-arg A={MARK} -t c"),
        ("password=token=abc user=b\n" * 6, f"password={MARK} user=b\n" * 6),
    ],
)
def test_neighbours_stay(text: str, expected: str) -> None:
    """Keys, hosts, users and the text behind a secret stay readable."""
    assert redact(text) == expected


@pytest.mark.parametrize("text", [PEM, f"a\n{PEM}\nb", PEM.replace("END", "BEGIN"), "\n".join(LEAKS.values())])
def test_lines_keep_their_numbers(text: str) -> None:
    """A redacted text has as many lines as before, even where a key ran over several."""
    assert redact(text).count("\n") == text.count("\n")


def test_log_goes_on_after_a_cut_off_key() -> None:
    """A key's header without its footer does not swallow the lines of the log that follow."""
    text = f"-----BEGIN PRIVATE KEY-----\n{'x' * 64}\nError response from daemon: manifest unknown\n"
    assert redact(text) == f"{MARK}\n\nError response from daemon: manifest unknown\n"


BASE64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5"
BEGIN, END = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a\n{BEGIN}\n{BASE64}\n{END}\nb", f"a\n{MARK}\n\n\nb"),
        (f"a\n{BEGIN}\n{BASE64}\n{BASE64}\ngoes on", f"a\n{MARK}\n\n\ngoes on"),
        (f"a\n{BEGIN}\n{BASE64}\ndone!", f"a\n{MARK}\n\ndone!"),
        (f"a\n{BEGIN}\n{BASE64}\n!done", f"a\n{MARK}\n\n!done"),
        (f"a\n{BEGIN}\n{BASE64}", f"a\n{MARK}\n"),
        (f"a\n{BEGIN}", f"a\n{MARK}"),
        (f"a b\n{BASE64}\n{BASE64}\n{END}\nb", f"a b\n{MARK}\n\n\nb"),
        (f"done!\n{BASE64}\n{END}\nb", f"done!\n{MARK}\n\nb"),
        (f"{BASE64}\n{BASE64}\n{END}\nb", f"{MARK}\n\n\nb"),
        (f"{BASE64}{END}\nb", f"{MARK}\nb"),
        (
            f"a\n{BEGIN}\n{BASE64}\nbetween them\n{BEGIN}\n{BASE64}\n{END}\nb",
            f"a\n{MARK}\n\nbetween them\n{MARK}\n\n\nb",
        ),
        (
            f"a\n{BEGIN}\n{BASE64}\n{END}\nbetween them\n{BASE64}\n{END}\nb",
            f"a\n{MARK}\n\n\nbetween them\n{MARK}\n\nb",
        ),
        (
            f"a\n{BEGIN}\n{BASE64}\n{END}\nbetween them\n{BEGIN}\n{BASE64}\nb b",
            f"a\n{MARK}\n\n\nbetween them\n{MARK}\n\nb b",
        ),
        (
            "a line of log\n" * 3_000 + f"{BEGIN}\n{BASE64}\n{END}\nb",
            "a line of log\n" * 3_000 + f"{MARK}\n\n\nb",
        ),
        (
            f"{BEGIN}\n{BASE64}\n" + "a line of log\n" * 3_000 + f"{BASE64}\n{END}\nb",
            f"{MARK}\n\n" + "a line of log\n" * 3_000 + f"{MARK}\n\nb",
        ),
        (rf"{BEGIN}\n{BASE64}\n{END}" + "\ndone", f"{MARK}\ndone"),
        (f"{BEGIN}\n{BASE64}\nat last!\n" * 6, f"{MARK}\n\nat last!\n" * 6),
        (f"{BEGIN}{'x' * 32 * 1024} goes on\n", f"{MARK} goes on\n"),
        (f"goes on {'x' * 32 * 1024}{END}\n", f"goes on {MARK}\n"),
        (f"{BEGIN}\n{' ' * (32 * 1024 - len(BEGIN + END) - 1)}{END}", f"{MARK}\n"),
        (f"{BEGIN}\n{' ' * (32 * 1024 - len(BEGIN + END))}{END}", f"{MARK}\n{MARK}"),
        (f"{BEGIN}{BASE64}{BEGIN}{BASE64}\ngoes on", f"{MARK}\ngoes on"),
        (f"{BEGIN}{'x' * 33 * 1024}{END}\ndone", f"{MARK}{MARK}\ndone"),
        (
            f"{BEGIN}\n{BASE64}\n" + "a line of log\n" * 3_000 + f"{BASE64}\n{END}\n" + f"{BEGIN}\n{BASE64}\nb b",
            f"{MARK}\n\n" + "a line of log\n" * 3_000 + f"{MARK}\n\n" + f"{MARK}\n\nb b",
        ),
    ],
)  # fmt: skip
def test_a_private_key_goes_whole_and_nothing_else(text: str, expected: str) -> None:
    """Header, lines and footer become one mark, also where the log has lost one end of the key."""
    assert redact(text) == expected


@pytest.mark.parametrize("end", ["before", "after"])
def test_of_a_key_that_lost_one_end_a_hundred_lines_go(end: str) -> None:
    """The largest keys in use have about a hundred lines; all of them go, no more lines than that, and the log beside them stays."""
    lines = f"{BASE64}\n" * 128
    more = f"{BASE64}\n{lines}"
    assert BASE64 in redact(f"{BEGIN}\n{more}" if end == "after" else f"{more}{END}\n")
    text = f"{BEGIN}\n{lines}goes on\n" if end == "after" else f"goes on\n{lines}{END}\n"
    cleaned = redact(text)
    assert BASE64 not in cleaned
    assert "goes on" in cleaned
    assert cleaned.count("\n") == text.count("\n")


AFTER_A_COLON: list[tuple[str, str | None]] = [
    ("one\ntwo\ntoken: abc\nthree", f"one\ntwo\ntoken: {MARK}\nthree"),
    ("one\n  - token: ab1\nthree", f"one\n  - token: {MARK}\nthree"),
    ("token: abc", f"token: {MARK}"),
    ("one\na token: abc", None),
    ("token: ab1 def", None),
    ("a token: abc", None),
    ("a token: abcdefghijklmn0p", f"a token: {MARK}"),
    ("a token: abcdefghijklm0p", None),
    ("a token: abcdefghijklmnop", None),
    ("a token: Xbcdefghijklmnop", None),
    ("a token: s3://abcdef0123456789", None),
    ("a token: " + "a" * 128, None),
    ("a token: " + "a" * 129, f"a token: {MARK}"),
    ("password: " + "a" * 128 + " b", None),
    ("password: " + "a" * 129 + " b", f"password: {MARK} b"),
    ("a token: 'abc' def", f"a token: '{MARK}' def"),
    ("token: 0f8fad5b-d9cd-469f-a165-70867728950e", None),
    ("team/Reset-password:1.2", None),
    ("x.azurecr.io/RESET/team-password:1.2", None),
    ("password:1.2", f"password:{MARK}"),
    ("password: //host/share", None),
    ("password: https://host/share", None),
    ("password: hunter:2xyz", f"password: {MARK}"),
    ("X token: abc", None),
    ("/reset-password:1.2", None),
    (f"x/{'a' * 126}-password:1.2", None),
    (f"x/{'a' * 127}-password:1.2", f"x/{'a' * 127}-password:{MARK}"),
]
"""After a colon: what stands alone on its line, is quoted, looks drawn by lot or is too long for a word."""

AFTER_A_FLAG: list[tuple[str, str | None]] = [
    ("run --password --username bob", None),
    ("--password hunter2x", f"--password {MARK}"),
    ("run --password hunter2x --tls", f"run --password {MARK} --tls"),
    ("run --password 'via' x", f"run --password '{MARK}' x"),
]
"""A flag is followed by its value, by the next flag, or by prose about it."""

IN_QUOTES: list[tuple[str, str | None]] = [
    (r'password="a\"b c" d', rf'password="{MARK}" d'),
    (r'password="a\\\"b c" d', rf'password="{MARK}" d'),
    (r"{\"password\":\"ab c\", \"user\":\"d\"}", rf"{{\"password\":\"{MARK}\", \"user\":\"d\"}}"),
    (r"{\"password\":\"a\\\"b\", \"user\":\"d\"}", rf"{{\"password\":\"{MARK}\", \"user\":\"d\"}}"),
    (r"{\\\"password\\\":\\\"ab c\\\", d", rf"{{\\\"password\\\":\\\"{MARK}\\\", d"),
    ('password="ab c\ndone" d', f'password="{MARK}\ndone" d'),
    ("password='ab c", f"password='{MARK}"),
    ('password=""', None),
    ('"password": {"user": "b"}', None),
    ('"token": ["a b"]', None),
    (f'{MARK} "password": {{"user": "b"}}', None),
    (f'"password": {MARK}', None),
    ("GET /x?code=0123456789abcdef", f"GET /x?code={MARK}"),
    ("GET /x?code=0123456789abcde", None),
    ("password=x&key=abc", f"password={MARK}&key=abc"),
    ("a password:\tabc\tdef", None),
    ("incorrect password:\tfailed:\nretry", None),
    ("password: [redacted]abc", f"password: {MARK}"),
    ("password: {secretRef: x}", None),
    ("password: null", None),
]
"""However often a text was escaped, a quote with more backslashes than the first one is part of the value."""


@pytest.mark.parametrize(("text", "expected"), [*AFTER_A_COLON, *AFTER_A_FLAG, *IN_QUOTES])
def test_a_value_goes_where_it_may_be_a_secret(text: str, expected: str | None) -> None:
    """The value alone goes, all of it; ``None`` stands for a text that stays as it is."""
    assert redact(text) == (text if expected is None else expected)


FRAGMENTS = st.sampled_from(
    [*LEAKS.values(), *KEPT, MARK, "name", "value", "pass", "_PAT", "@sha256:", "password", "token", "=", ": ", '"', "'", "\\", " ", "\n", ",", "sig=", "-p ",
     "docker login ", "--secret ", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "://", ":", "@", "Bearer "]
)  # fmt: skip
HOSTILE = st.lists(st.one_of(FRAGMENTS, st.text(max_size=12)), max_size=12).map("".join)


@given(HOSTILE)
def test_redaction_is_idempotent_and_keeps_lines(text: str) -> None:
    """Redacting twice changes nothing more, nothing raises, no line is lost."""
    once = redact(text)
    assert redact(once) == once
    assert once.count("\n") == text.count("\n")


@given(st.text(st.characters(categories=["Cs", "Lu", "Nd", "So"])))
def test_any_character_is_taken(text: str) -> None:
    """Lone surrogates and characters of any plane neither raise nor change."""
    assert isinstance(redact(text), str)


@pytest.mark.parametrize(
    "unit",
    ["sig=", 'password=""', "password='", "x token:", "a/password:a", '--token "--', 'password=\\"', "://a:", "eyJabc.",
     "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "-----END PRIVATE KEY-----\n", "docker login ",
     "echo a | docker login ", "login -p ", "A" * 30 + "+ACR", "ENV X_TOKEN ", "password=a,", "\\", "password=}",
     "password://", "a token: Q1 ", "pass=", "_PASS=", "PASS: ", "_pass: 1 ", 'pass="', "--pass ", "ENV X_PAT ",
     '"name":"password",', '"name":"password","value":"', 'value:"', "value:'a", "value=a,name=", "value=a name=password ",
     "value:\"a value='b value=c,name=password ", "name=password \n", '"password":{', "://a:b/", "://a:/@", "://a:b@sha256:",
     "sshpass -p ", "mysql ", "mysql -p1:1 ", "curl -u ", "curl -u a:", "--creds a:", "a+b:", "&signature=a", "X_TOKEN: 1\n", "hooks.slack.com/services/", "a.logic.azure.com/", "Bearer ", "<password>"],
)  # fmt: skip
def test_hostile_text_costs_linear_time(unit: str) -> None:
    """Four times as much of whatever starts a secret costs four times as much, and not sixteen times."""
    assert_linear(lambda size: redact("x " + unit * (size // len(unit))), 50_000)


def _logged(level: int, message: str, *args: object, **options: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("test")  # noqa: LOG001  (of its own, so that no other handler hears it)
    logger.addHandler(handler)
    logger.log(level, message, *args, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def test_log_arguments_are_redacted() -> None:
    """A secret in an argument is gone from the line, the rest of the line stands."""
    assert _logged(logging.ERROR, "could not post to %s", LEAKS["Slack"]).strip() == (
        f"could not post to POST https://hooks.slack.com/services/{MARK} failed"
    )


def test_logged_exception_is_redacted() -> None:
    """The traceback of a failed request does not carry the URL that it was sent to."""
    try:
        raise ConnectionError(LEAKS["Logic Apps"])  # noqa: TRY301
    except ConnectionError:
        text = _logged(logging.ERROR, "failed", exc_info=True)
    assert "ConnectionError" in text
    assert SECRET not in text


def test_no_later_handler_sees_the_exception() -> None:
    """The record itself is clean: neither its exception nor its own attributes carry the secret on."""
    record = logging.makeLogRecord({"msg": "m", "url": LEAKS["Slack"], "stack_info": f"password={SECRET}"})
    try:
        raise ValueError(f"password={SECRET}")  # noqa: TRY301
    except ValueError:
        record.exc_info = sys.exc_info()
    assert RedactingFilter().filter(record)
    assert record.exc_info is None
    assert SECRET not in repr(vars(record))


def test_record_with_wrong_arguments_is_still_logged() -> None:
    """Arguments that do not fit their message lose neither line nor redaction."""
    text = _logged(logging.INFO, "%d of %d", f"password={SECRET}")
    assert "%d of %d" in text
    assert SECRET not in text


def test_a_name_forges_no_record_and_commands_no_terminal() -> None:
    """A line break in an argument begins no line that could be taken for the log's own; escapes do nothing."""
    text = _logged(logging.INFO, "run %s", "a\r\n2026-11-20 ERROR forged\n\x1b]0;x\x07\x9b31m\u202e")
    assert [line for line in text.splitlines() if line.startswith("2026")] == []
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "forged" in text


def test_a_cleaned_record_keeps_what_is_no_secret() -> None:
    """Traceback, stack and attributes of a record stay, each without its secret; numbers stay numbers."""
    record = logging.makeLogRecord(
        {"msg": "m", "url": f"https://me:{SECRET}@host/x", "tries": 3, "stack_info": f"Stack:\n  password={SECRET}"}
    )
    try:
        raise ValueError(f"password={SECRET}")  # noqa: TRY301
    except ValueError:
        record.exc_info = sys.exc_info()
    RedactingFilter().filter(record)
    kept = vars(record)
    assert (kept["url"], kept["tries"]) == (f"https://me:{MARK}@host/x", 3)
    assert kept["stack_info"].split() == ["Stack:", f"password={MARK}"]
    lines = [line.strip() for line in kept["exc_text"].split("\n")]
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == f"ValueError: password={MARK}"


def test_a_record_without_an_exception_has_no_text_of_one() -> None:
    """``exc_info`` as the logging library makes it outside of an ``except`` says nothing."""
    record = logging.makeLogRecord({"msg": "m", "exc_info": (None, None, None)})
    RedactingFilter().filter(record)
    assert (record.exc_text, record.exc_info, record.stack_info) == (None, None, None)
