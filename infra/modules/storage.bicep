// The app's own storage: the host's and the product's queues, tables and blobs, the code's package, dead letters.
// An app with the fixes alone has a second one, for its host and its package; the product's state is in the first.
// No shared keys: whoever reads or writes here does so with an identity and a role.

@description('Name of the storage account.')
param name string

@description('Region of the storage account.')
param location string

@description('Tags of the storage account.')
param tags object

@description('Container of the package that the app runs from.')
param packageContainer string

@description('Container for events that could not be delivered; empty: none.')
param deadLetterContainer string = ''

@description('Whether it is reached by private endpoints alone; Event Grid still writes dead letters, as a trusted service.')
param private bool

@description('Queues of the triggers. The host itself puts a message into `...-poison` when all its tries have failed.')
param queues array = [
  'failed-runs'
  'failed-runs-poison'
  'completed-runs'
  'completed-runs-poison'
  'notices'
  'notices-poison'
  'interactions'
  'interactions-poison'
  'fixes'
  'fixes-poison'
]

@description('Tables of the product: claims, and a record of each run.')
param tables array = [
  'pullmedicclaims'
  'pullmedicrecords'
  'pullmedicentities'
]

@description('Containers of the product: evidence and diagnoses.')
param containers array = [
  'pullmedic'
]

var allContainers = concat(containers, [
  packageContainer
], empty(deadLetterContainer) ? [] : [
  deadLetterContainer
])

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // Not `publicNetworkAccess`: by the rules trusted services still come in, with an identity and a role.
    networkAcls: {
      defaultAction: private ? 'Deny' : 'Allow'
      bypass: 'AzureServices'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [for container in allContainers: {
  parent: blobs
  name: container
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource storageQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for queue in queues: {
  parent: queueService
  name: queue
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource storageTables 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' = [for table in tables: {
  parent: tableService
  name: table
}]

output name string = account.name
output id string = account.id
output endpoints object = account.properties.primaryEndpoints
