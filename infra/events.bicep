// What goes into the resource groups of others: topics and subscriptions at workspaces, rights at registries, secrets
// and resource groups. Deploy it when the code is there: Event Grid refuses a function that it cannot find.
//
// It stands apart from main.bicep for a second reason: `azd down` deletes every resource group into which azd's own
// deployment has written (Azure/azure-dev issue 2916). azd deploys main.bicep only.
targetScope = 'subscription'

import { groupOf, resourceNames, systemTopicName } from 'names.bicep'

@description('As in main.bicep.')
@minLength(3)
@maxLength(20)
param prefix string = 'pullmedic'

@description('As in main.bicep.')
param resourceGroupName string = 'rg-pullmedic'

@description('Resource ids of the workspaces for which a system topic is to be made, since they have none.')
param workspaceIds array = []

@description('Resource ids of system topics that workspaces have already; each needs a system-assigned identity.')
param systemTopicIds array = []

@description('Resource ids of the resource groups at which the reader role is assigned, where not at subscriptions.')
param readerResourceGroupIds array = []

@description('Registries whose manifests and tags may be read: objects with `id` and `roleAssignmentMode`.')
param pullRegistries array = []

@description('Resource ids of the Key Vault secrets that main.bicep\'s secretSettings refer to.')
param secretIds array = []

@description('Resource ids of the registries at which fixes may be made; main.bicep made the fixer (withFixer).')
param fixRegistryIds array = []

@description('Object ids of the identities that a fix may give a pull role to. Empty: every service principal.')
@maxLength(90)
param fixPrincipalIds array = []

@description('Tags for the topics that are made.')
param tags object = {}

var names = resourceNames(prefix, subscription().subscriptionId, resourceGroupName)
var newTopicIds = [for id in workspaceIds: '${groupOf(id)}/providers/Microsoft.EventGrid/systemTopics/${systemTopicName(id)}']
var topicIds = concat(newTopicIds, systemTopicIds)

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' existing = {
  name: resourceGroupName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: names.identity
  scope: group
}

resource fixer 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: names.fixer
  scope: group
}

resource storageAccount 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: names.storageAccount
  scope: group
}

resource functionApp 'Microsoft.Web/sites@2024-04-01' existing = {
  name: names.functionApp
  scope: group
}

resource workspaces 'Microsoft.MachineLearningServices/workspaces@2024-04-01' existing = [for id in workspaceIds: {
  name: last(split(id, '/'))
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
}]

module newTopics 'modules/system-topic.bicep' = [for (id, i) in workspaceIds: {
  name: 'pullmedic-topic-${uniqueString(id)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    name: systemTopicName(id)
    location: workspaces[i].location
    workspaceId: id
    tags: tags
  }
}]

module topicIdentities 'modules/topic-identity.bicep' = [for id in topicIds: {
  name: 'pullmedic-topic-identity-${uniqueString(id)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    topicName: last(split(id, '/'))
  }
  dependsOn: [
    newTopics
  ]
}]

module deadLetterAccess 'modules/dead-letter-access.bicep' = [for (id, i) in topicIds: {
  name: 'pullmedic-dead-letter-${uniqueString(id)}'
  scope: group
  params: {
    storageAccountName: names.storageAccount
    containerName: names.deadLetterContainer
    principalId: topicIdentities[i].outputs.principalId
  }
}]

module subscriptions 'modules/event-subscription.bicep' = [for id in topicIds: {
  name: 'pullmedic-events-${uniqueString(id)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    topicName: last(split(id, '/'))
    name: names.eventSubscription
    functionAppId: functionApp.id
    storageAccountId: storageAccount.id
    deadLetterContainer: names.deadLetterContainer
  }
  dependsOn: [
    deadLetterAccess
  ]
}]

module groupReaders 'modules/reader-at-group.bicep' = [for id in readerResourceGroupIds: {
  name: 'pullmedic-reader-${uniqueString(id)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    principalId: identity.properties.principalId
    roleName: guid(subscription().id, names.readerRole)
  }
}]

module registryPulls 'modules/registry-pull.bicep' = [for registry in pullRegistries: {
  name: 'pullmedic-pull-${uniqueString(registry.id)}'
  scope: resourceGroup(split(registry.id, '/')[2], split(registry.id, '/')[4])
  params: {
    registryName: last(split(registry.id, '/'))
    roleAssignmentMode: registry.roleAssignmentMode
    principalId: identity.properties.principalId
  }
}]

module fixerRights 'modules/fixer-right.bicep' = [for id in fixRegistryIds: {
  name: 'pullmedic-fixer-${uniqueString(id)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    registryName: last(split(id, '/'))
    principalId: fixer.properties.principalId
    principalIds: fixPrincipalIds
  }
}]

module secretAccess 'modules/secret-access.bicep' = [for id in secretIds: {
  name: 'pullmedic-secret-${uniqueString(id)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    vaultName: split(id, '/')[8]
    secretName: last(split(id, '/'))
    principalId: identity.properties.principalId
  }
}]

// For main.bicep's alertTopicIds.
output topicIds array = topicIds
