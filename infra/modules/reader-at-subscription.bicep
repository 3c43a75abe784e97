// The reader at a whole subscription: registries are found by their login server, and inherited role assignments
// are seen, only from there.
targetScope = 'subscription'

@description('Object id of the identity that reads.')
param principalId string

@description('Name (GUID) of the reader role\'s definition.')
param roleName string

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, principalId, roleName)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleName)
    description: 'Pullmedic reads here'
  }
}
