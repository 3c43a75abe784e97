# As events.sh, for Windows: waits until Azure knows the function, and then deploys infra/events.bicep.
$ErrorActionPreference = 'Stop'
foreach ($name in 'AZURE_SUBSCRIPTION_ID', 'AZURE_LOCATION', 'AZURE_RESOURCE_GROUP', 'functionAppName') {
    if (-not [Environment]::GetEnvironmentVariable($name)) { throw "$name is not set" }
}
$function = 'on_run_status_changed'
$tries = 60
for ($tried = 1; ; $tried++) {
    az functionapp function show --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
        --name $env:functionAppName --function-name $function --output none 2>$null
    if ($LASTEXITCODE -eq 0) { break }
    if ($tried -ge $tries) {
        throw "$env:functionAppName does not show $function after $tried tries: look at the app's log (docs/troubleshooting.md)"
    }
    if ($tried -eq 1) { Write-Output "waiting until $env:functionAppName shows $function ..." }
    Start-Sleep -Seconds 10
}
az deployment sub create --name pullmedic-events --subscription $env:AZURE_SUBSCRIPTION_ID --location $env:AZURE_LOCATION `
    --template-file infra/events.bicep --parameters infra/events.parameters.json --output none
if ($LASTEXITCODE -ne 0) { throw 'infra/events.bicep was not deployed' }
Write-Output "events of the workspaces go to $env:functionAppName"
