#!/bin/sh
# Takes away all that the templates made, in the order in which nothing is left behind: event subscriptions that deliver to
# our app, topics of ours that nobody else is subscribed to, role assignments (they outlive their identity), the resource
# group, the custom role, the vault's name, the deployments' records. Say first what would go with: infra/remove.sh --list
#
# Uses the outputs of the deployment `pullmedic` (DEPLOYMENT names another), in the subscription that az is logged in to.
# SUBSCRIPTIONS are the ids of `subscriptionIds`, separated by blanks; by default the one of the app.
set -eu
deployment=${DEPLOYMENT:-pullmedic}
prefix=${PREFIX:-pullmedic}
group=${RESOURCE_GROUP:-rg-pullmedic}
subscriptions=${SUBSCRIPTIONS:-$(az account show --query id --output tsv)}
case "${1:-}" in
--list) act="echo would run: az" ;;
--yes) act=az ;;
*)
    echo "usage: $0 --list | --yes" >&2
    exit 2
    ;;
esac

output() { az deployment sub show --name "$deployment" --query "properties.outputs.$1.value" --output tsv 2>/dev/null || true; }
app=$(output functionAppName)
reader=$(output readerPrincipalId)
fixer=$(output fixerPrincipalId)
fixhost=$(output fixHostPrincipalId)
role=$(output readerRoleName)
vault=$(output keyVaultName)
if [ -z "$reader" ] || [ -z "$app" ]; then
    echo "the deployment $deployment has no output readerPrincipalId or functionAppName: name it with DEPLOYMENT=..., or nothing is left of it" >&2
    exit 1
fi

to_ours="/providers/Microsoft.Web/sites/$app/functions/"
for subscription in $subscriptions; do
    for topic in $(az eventgrid system-topic list --subscription "$subscription" --query "[].id" --output tsv); do
        # Read apart from the loop, so that a refusal ends the script: what cannot be seen is not taken for absent.
        subscribed=$(az rest --method get --url "$topic/eventSubscriptions?api-version=2025-02-15&\$top=100" --output tsv \
            --query "value[].[name, properties.destination.properties.resourceId]")
        ours=$(printf '%s\n' "$subscribed" | grep -iF "$to_ours" | cut -f1 || true)
        others=$(printf '%s\n' "$subscribed" | grep -ivF "$to_ours" | grep . || true)
        for name in $ours; do
            $act eventgrid system-topic event-subscription delete --subscription "$subscription" \
                --resource-group "$(echo "$topic" | cut -d/ -f5)" --system-topic-name "${topic##*/}" --name "$name" --yes
        done
        case "$topic" in
        */systemTopics/pullmedic-?????????????) # as infra/names.bicep calls one that we make
            if [ -z "$others" ]; then $act resource delete --ids "$topic"; fi
            ;;
        esac
    done
    for principal in $reader $fixer $fixhost; do
        for assignment in $(az role assignment list --all --assignee "$principal" --subscription "$subscription" \
            --query "[].id" --output tsv); do
            $act role assignment delete --ids "$assignment"
        done
    done
done
# Without --force the log's workspace would be kept for 14 days.
$act monitor log-analytics workspace delete --resource-group "$group" --workspace-name "$prefix-logs" --force true --yes || true
$act group delete --name "$group" --yes
if [ -n "$vault" ]; then $act keyvault purge --name "$vault" || true; fi
$act role definition delete --name "$role"
$act deployment sub delete --name "$deployment-events" || true
$act deployment sub delete --name "$deployment"
