#!/bin/sh
# After the code was deployed: waits until Azure knows the function, since Event Grid refuses one that it cannot find, and
# then deploys infra/events.bicep. azd runs it, and anybody may (docs/deployment.md).
set -eu
: "${AZURE_SUBSCRIPTION_ID:?is not set: the subscription of the app}"
: "${AZURE_LOCATION:?is not set: the region of the deployment}"
: "${AZURE_RESOURCE_GROUP:?is not set: an output of infra/main.bicep}"
: "${functionAppName:?is not set: an output of infra/main.bicep}"
function=on_run_status_changed
tries=${EVENTS_TRIES:-60}
pause=${EVENTS_PAUSE_SECONDS:-10}

tried=0
until az functionapp function show --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
    --name "$functionAppName" --function-name "$function" --output none 2>/dev/null; do
    tried=$((tried + 1))
    if [ "$tried" -ge "$tries" ]; then
        echo "$functionAppName does not show $function after $tried tries: look at the app's log for why the code does not" \
            "load (docs/troubleshooting.md), and run this again: $0" >&2
        exit 1
    fi
    [ "$tried" -gt 1 ] || echo "waiting until $functionAppName shows $function ..."
    sleep "$pause"
done

az deployment sub create --name pullmedic-events --subscription "$AZURE_SUBSCRIPTION_ID" --location "$AZURE_LOCATION" \
    --template-file infra/events.bicep --parameters infra/events.parameters.json --output none
echo "events of the workspaces go to $functionAppName"
