#!/bin/sh
# Uploads the package to an app on Flex Consumption, with nothing built in Azure, and waits until it is there:
# infra/upload.sh APP [build/pullmedic.zip]. RESOURCE_GROUP names another group than rg-pullmedic.
#
# It is the request of azd (azure-dev, funcapp_host_client.go). `az functionapp deployment source config-zip` asks for a remote
# build of every Python app, whatever --build-remote says (azure-cli 2.91.0, enable_zip_deploy_flex).
set -eu
app=${1:?usage: $0 APP [ZIP]}
zip=${2:-build/pullmedic.zip}
group=${RESOURCE_GROUP:-rg-pullmedic}
tries=${UPLOAD_TRIES:-600}
pause=${UPLOAD_PAUSE_SECONDS:-1}
if [ ! -f "$zip" ]; then
    echo "there is no $zip: build it with make package" >&2
    exit 1
fi
site=$(az functionapp show --resource-group "$group" --name "$app" \
    --query "hostNameSslStates[?hostType=='Repository'].name | [0]" --output tsv)
token=$(az account get-access-token --query accessToken --output tsv)

# The token goes in by curl's standard input, where no list of processes shows it.
ask() { printf 'header = "Authorization: Bearer %s"\n' "$token" | curl --config - --silent --show-error "$@"; }

deployment=$(ask --fail --request POST --header "Content-Type: application/zip" --data-binary "@$zip" \
    "https://$site/api/publish?RemoteBuild=false" | tr -d '"')
address="https://$site/api/deployments/$deployment"
tried=0
begun=
while [ "$tried" -lt "$tries" ]; do
    answer=$(ask --write-out '\n%{http_code}' "$address")
    status=$(printf '%s\n' "$answer" | sed -n 's/.*"status": *\(-\{0,1\}[0-9][0-9]*\).*/\1/p')
    case "$status" in
    -1 | 3 | 5 | 6) # canceled, failed, displaced by another, done in part
        echo "the deployment ended with status $status: look at $address" >&2
        exit 1
        ;;
    esac
    # Where it had begun and is not found any more it is done, and the worker that knew of it is gone.
    if [ "$status" = 4 ] || { [ -n "$begun" ] && [ "${answer##*
}" = 404 ]; }; then
        echo "$zip is deployed to $app"
        exit 0
    fi
    begun=${begun:-$status}
    tried=$((tried + 1))
    sleep "$pause"
done
echo "$app is not deployed after $tries tries: look at $address" >&2
exit 1
