// The function app on Flex Consumption. The code comes later, as a package in its own storage.

@description('Name of the function app; it is part of a public host name.')
param name string

@description('Name of the plan.')
param planName string

@description('Region of app and plan.')
param location string

@description('Tags of app and plan.')
param tags object

@description('Resource id of the identity that the app runs with.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Resource id of the fixer\'s identity; empty where this app makes no fixes.')
param fixerId string = ''

@description('Client id of the fixer\'s identity; empty where this app makes no fixes.')
param fixerClientId string = ''

@description('Which functions the app has.')
@allowed([
  'all'
  'diagnose'
  'fix'
])
param part string = 'all'

@description('Name by which azd finds the app whose code it deploys.')
param azdServiceName string = 'pullmedic'

@description('Endpoints of the storage account with the product\'s state: `blob`, `queue`, `table`.')
param stateEndpoints object

@description('Blob endpoint of an account that the host and the package have to themselves; empty: the state\'s.')
param hostBlobEndpoint string = ''

@description('Resource id of the identity that reaches that account; no other app may have it.')
param hostIdentityId string = identityId

@description('Client id of that identity.')
param hostIdentityClientId string = identityClientId

@description('Container with the package, in the host\'s account.')
param packageContainer string

@description('Connection string of Application Insights; no secret, since local authentication is off there.')
param insightsConnectionString string

@description('Secret app settings: name to the URI of a secret in Key Vault.')
param secretSettings object

@description('Further app settings: name to value.')
param settings object

@description('Resource id of the subnet that the app reaches others from, delegated to Microsoft.App/environments; empty: none.')
param subnetId string = ''

@description('Most instances that a function may scale to.')
param maximumInstanceCount int

@description('Memory of one instance in MB.')
param instanceMemoryMB int

// The instrumentations of libraries stay off: they write addresses into spans, and that of a webhook or log is a secret.
var hostSettings = {
  OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: 'azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3'
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: hostIdentityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}
// No `accountName`: from it the host makes addresses of the public cloud alone (*Connecting to host storage with an identity*).
var ownHost = !empty(hostBlobEndpoint)
var sharedStorage = {
  AzureWebJobsStorage__blobServiceUri: stateEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: stateEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: stateEndpoints.table
}
// The package and the host's keys decide what code runs: they stand where the other app has no right.
var separateStorage = {
  AzureWebJobsStorage__blobServiceUri: hostBlobEndpoint
  PullmedicStorage__blobServiceUri: stateEndpoints.blob
  PullmedicStorage__queueServiceUri: stateEndpoints.queue
  PullmedicStorage__credential: 'managedidentity'
  PullmedicStorage__clientId: identityClientId
}
var storageSettings = ownHost ? separateStorage : sharedStorage
// OpenTelemetry of the Python worker; the parameter `settings` may say otherwise.
var telemetrySettings = {
  PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
  OTEL_TRACES_SAMPLER: 'always_on'
}
var ownSettings = {
  PULLMEDIC_CLIENT_ID: identityClientId
  PULLMEDIC_CLOUD: environment().name
  PULLMEDIC_PART: part
  PULLMEDIC_WARM_UP: 'true'
}
var fixerSettings = empty(fixerId) ? {} : {
  PULLMEDIC_FIXER_CLIENT_ID: fixerClientId
}
var readerIdentity = {
  '${identityId}': {}
}
var hostIdentity = {
  '${hostIdentityId}': {}
}
var fixerIdentity = empty(fixerId) ? {} : {
  '${fixerId}': {}
}
var references = mapValues(secretSettings, uri => '@Microsoft.KeyVault(SecretUri=${uri})')

// A secret belongs into `secretSettings`: one that stands among `settings` is left out, rather than shown to every reader.
var declared = loadJsonContent('../settings.json')
var openSettings = toObject(filter(items(settings), it => !contains(declared.secret, it.key)), it => it.key, it => it.value)

// What a parameter says cannot take the host's own settings away: they come last.
var allSettings = union(telemetrySettings, openSettings, references, fixerSettings, ownSettings, storageSettings, hostSettings)

var publishingWays = [
  'ftp'
  'scm'
]

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, {
    'azd-service-name': azdServiceName
  })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: union(readerIdentity, hostIdentity, fixerIdentity)
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      appSettings: [for setting in items(allSettings): {
        name: setting.key
        value: setting.value
      }]
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${ownHost ? hostBlobEndpoint : stateEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: hostIdentityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
      }
    }
  }
}

// Who deploys does so with Microsoft Entra ID; a user's and a password of the publishing profile are no use.
resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = [for way in publishingWays: {
  parent: app
  name: way
  location: location
  properties: {
    allow: false
  }
}]

output name string = app.name
output id string = app.id
