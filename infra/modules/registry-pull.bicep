// The right to read one registry's manifests and tags: whether an image is there is then a fact.

@description('Name of the registry.')
param registryName string

@description('Object id of the identity that reads.')
param principalId string

@description('The registry\'s permission mode: AcrPull counts in the first, Repository Reader in the second.')
@allowed([
  'LegacyRegistryPermissions'
  'AbacRepositoryPermissions'
])
param roleAssignmentMode string

var roles = {
  LegacyRegistryPermissions: '7f951dda-4ed3-4680-a7ca-43fe172d538d' // AcrPull
  AbacRepositoryPermissions: 'b93aa761-3e63-49ed-ac28-beffa264f7ac' // Container Registry Repository Reader
}
var role = roles[roleAssignmentMode]

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: registryName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, principalId, role)
  scope: registry
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    description: 'Pullmedic reads manifests and tags here'
  }
}
