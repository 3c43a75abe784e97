// The function app, all that it lives on, and its right to read. Writes into one resource group of its own and, at
// subscriptions, role assignments only; what goes into the resource groups of others is in events.bicep.
targetScope = 'subscription'

import { resourceNames } from 'names.bicep'

@description('Region of the app. Flex Consumption must be offered there.')
param location string = deployment().location

@description('Beginning of the names of what is made.')
@minLength(3)
@maxLength(20)
param prefix string = 'pullmedic'

@description('The resource group that is made for the app; it must hold nothing else.')
param resourceGroupName string = 'rg-pullmedic'

@description('Ids (GUIDs) of the subscriptions whose workspaces and registries may be read. Empty: this one.')
param subscriptionIds array = []

@description('Whether the reader role is assigned at these subscriptions. If not, events.bicep assigns it at resource groups.')
param readWholeSubscriptions bool = true

@description('Whether the role also holds the rights of the block `network`: networks, firewalls, activity log.')
param readNetwork bool = false

@description('Whether the role also holds the rights of the block `serving`: failed deployments of online endpoints, their logs.')
param readServing bool = true

@description('Whether the role also holds the rights of the block `doctor`: whether events are delivered to the app.')
param readDoctor bool = true

@description('Secret app settings: name of the setting to the URI of its secret in Key Vault.')
param secretSettings object = {}

@description('Further app settings that are no secrets: name to value.')
param settings object = {}

@description('Most instances that a function may scale to.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Memory of one instance in MB.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('Whether there is a second identity that makes fixes. Its right at registries is given by events.bicep.')
param withFixer bool = false

@description('Whether the fixes get an app of their own, so that no other code can use the fixer\'s identity.')
param separateFixApp bool = false

@description('Whether a Key Vault is made for the secrets of settings; secretSettings may also refer to vaults of yours.')
param withKeyVault bool = false

@description('Client id of the app registration by which people sign in to the incident page. Empty: no sign-in, no page.')
param pageClientId string = ''

@description('Tenant whose people sign in to the incident page. Empty: the one of this subscription.')
param pageTenantId string = ''

@description('E-mail addresses that alerts go to. Without any, and without an action group, there are no alerts.')
param alertEmails array = []

@description('Ids of action groups that alerts go to as well.')
param alertActionGroupIds array = []

@description('Ids of the workspaces\' Event Grid system topics, for the alert on dead letters.')
param alertTopicIds array = []

@description('Resource id of a subnet, delegated to Microsoft.App/environments, that the app reaches others from. Empty: none.')
param appSubnetId string = ''

@description('Resource id of a subnet for private endpoints of storage and vault, which are then closed otherwise. Empty: none.')
param endpointSubnetId string = ''

@description('Resource ids of their private DNS zones: `blob`, `queue`, `table`, `vault`. One that is not named is left to others.')
param endpointZoneIds object = {}

@description('Tags for all that is made.')
param tags object = {}

var names = resourceNames(prefix, subscription().subscriptionId, resourceGroupName)
var readable = empty(subscriptionIds) ? [
  subscription().subscriptionId
] : subscriptionIds
var readAsAWhole = readWholeSubscriptions ? readable : []
var fixesApart = withFixer && separateFixApp
var fixesTogether = withFixer && !separateFixApp
var closed = !empty(endpointSubnetId)
var closedParts = closed ? [
  'blob'
  'queue'
  'table'
] : []

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: resourceGroupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'pullmedic-identity'
  scope: group
  params: {
    name: names.identity
    location: location
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'pullmedic-storage'
  scope: group
  params: {
    name: names.storageAccount
    location: location
    tags: tags
    packageContainer: names.packageContainer
    deadLetterContainer: names.deadLetterContainer
    private: closed
  }
}

module storageEndpoints 'modules/private-endpoint.bicep' = [for part in closedParts: {
  name: 'pullmedic-endpoint-${part}'
  scope: group
  params: {
    name: '${names.storageAccount}-${part}'
    location: location
    tags: tags
    subnetId: endpointSubnetId
    resourceId: storage.outputs.id
    groupId: part
    zoneId: contains(endpointZoneIds, part) ? endpointZoneIds[part] : ''
  }
}]

module vaultEndpoint 'modules/private-endpoint.bicep' = if (withKeyVault && closed) {
  name: 'pullmedic-endpoint-vault'
  scope: group
  params: {
    name: '${names.vault}-vault'
    location: location
    tags: tags
    subnetId: endpointSubnetId
    resourceId: withKeyVault ? vault.outputs.id : ''
    groupId: 'vault'
    zoneId: contains(endpointZoneIds, 'vault') ? endpointZoneIds.vault : ''
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'pullmedic-monitoring'
  scope: group
  params: {
    logsName: names.logs
    insightsName: names.insights
    location: location
    tags: tags
  }
}

module hostAccess 'modules/host-access.bicep' = {
  name: 'pullmedic-host-access'
  scope: group
  params: {
    storageAccountName: storage.outputs.name
    insightsName: monitoring.outputs.insightsName
    principalId: identity.outputs.principalId
  }
}

module functionApp 'modules/function-app.bicep' = {
  name: 'pullmedic-function-app'
  scope: group
  params: {
    name: names.functionApp
    planName: names.plan
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    fixerId: fixesTogether ? fixer.outputs.id : ''
    fixerClientId: fixesTogether ? fixer.outputs.clientId : ''
    part: fixesApart ? 'diagnose' : 'all'
    stateEndpoints: storage.outputs.endpoints
    packageContainer: names.packageContainer
    insightsConnectionString: monitoring.outputs.connectionString
    secretSettings: secretSettings
    settings: settings
    subnetId: appSubnetId
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
  }
  dependsOn: [
    hostAccess
  ]
}

module fixer 'modules/identity.bicep' = if (withFixer) {
  name: 'pullmedic-fixer'
  scope: group
  params: {
    name: names.fixer
    location: location
    tags: tags
  }
}

// Its host has an account and an identity to itself: with the package or the host's keys the first app could run code there.
module fixHost 'modules/identity.bicep' = if (fixesApart) {
  name: 'pullmedic-fix-host'
  scope: group
  params: {
    name: names.fixHost
    location: location
    tags: tags
  }
}

module fixStorage 'modules/storage.bicep' = if (fixesApart) {
  name: 'pullmedic-fix-storage'
  scope: group
  params: {
    name: names.fixStorageAccount
    location: location
    tags: tags
    packageContainer: names.packageContainer
    queues: []
    tables: []
    containers: []
    private: closed
  }
}

module fixStorageEndpoint 'modules/private-endpoint.bicep' = if (fixesApart && closed) {
  name: 'pullmedic-endpoint-fix-blob'
  scope: group
  params: {
    name: '${names.fixStorageAccount}-blob'
    location: location
    tags: tags
    subnetId: endpointSubnetId
    resourceId: fixesApart ? fixStorage.outputs.id : ''
    groupId: 'blob'
    zoneId: contains(endpointZoneIds, 'blob') ? endpointZoneIds.blob : ''
  }
}

module fixHostAccess 'modules/fix-host-access.bicep' = if (fixesApart) {
  name: 'pullmedic-fix-host-access'
  scope: group
  params: {
    storageAccountName: fixesApart ? fixStorage.outputs.name : ''
    principalId: fixesApart ? fixHost.outputs.principalId : ''
  }
}

module fixApp 'modules/function-app.bicep' = if (fixesApart) {
  name: 'pullmedic-fix-app'
  scope: group
  params: {
    name: names.fixApp
    planName: names.fixPlan
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    fixerId: fixesApart ? fixer.outputs.id : ''
    fixerClientId: fixesApart ? fixer.outputs.clientId : ''
    part: 'fix'
    azdServiceName: 'pullmedic-fix'
    stateEndpoints: storage.outputs.endpoints
    hostBlobEndpoint: fixesApart ? fixStorage.outputs.endpoints.blob : ''
    hostIdentityId: fixesApart ? fixHost.outputs.id : ''
    hostIdentityClientId: fixesApart ? fixHost.outputs.clientId : ''
    packageContainer: names.packageContainer
    insightsConnectionString: monitoring.outputs.connectionString
    secretSettings: secretSettings
    settings: settings
    subnetId: appSubnetId
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
  }
  dependsOn: [
    hostAccess
    fixHostAccess
  ]
}

module vault 'modules/key-vault.bicep' = if (withKeyVault) {
  name: 'pullmedic-key-vault'
  scope: group
  params: {
    name: names.vault
    location: location
    tags: tags
    private: closed
    principalId: identity.outputs.principalId
  }
}

module pageSignIn 'modules/page-sign-in.bicep' = if (!empty(pageClientId)) {
  name: 'pullmedic-page-sign-in'
  scope: group
  params: {
    appName: fixesApart ? fixApp.outputs.name : functionApp.outputs.name
    clientId: pageClientId
    tenantId: empty(pageTenantId) ? subscription().tenantId : pageTenantId
  }
}

module readerRole 'modules/reader-role.bicep' = {
  name: 'pullmedic-reader-role'
  params: {
    roleName: names.readerRole
    subscriptionIds: union([
      subscription().subscriptionId
    ], readable)
    network: readNetwork
    serving: readServing
    doctor: readDoctor
  }
}

module readers 'modules/reader-at-subscription.bicep' = [for id in readAsAWhole: {
  name: 'pullmedic-reader-${uniqueString(resourceGroupName, id)}'
  scope: subscription(id)
  params: {
    principalId: identity.outputs.principalId
    roleName: readerRole.outputs.name
  }
}]

module workbook 'modules/workbook.bicep' = {
  name: 'pullmedic-workbook'
  scope: group
  params: {
    insightsName: monitoring.outputs.insightsName
    location: location
    tags: tags
  }
}

module alerts 'modules/alerts.bicep' = if (!empty(union(alertEmails, alertActionGroupIds))) {
  name: 'pullmedic-alerts'
  scope: group
  params: {
    insightsName: monitoring.outputs.insightsName
    location: location
    tags: tags
    emails: alertEmails
    actionGroupIds: alertActionGroupIds
    topicIds: alertTopicIds
  }
}

// azd finds the app by this one; the others are written so that Resource Manager does not change their case.
output AZURE_RESOURCE_GROUP string = group.name
output functionAppName string = functionApp.outputs.name
output functionAppId string = functionApp.outputs.id
output storageAccountName string = storage.outputs.name
output readerClientId string = identity.outputs.clientId
output readerPrincipalId string = identity.outputs.principalId
output fixerPrincipalId string = withFixer ? fixer.outputs.principalId : ''
output fixHostPrincipalId string = fixesApart ? fixHost.outputs.principalId : ''
output fixAppName string = fixesApart ? fixApp.outputs.name : ''
output readerRoleName string = names.readerRole
output keyVaultName string = withKeyVault ? vault.outputs.name : ''
