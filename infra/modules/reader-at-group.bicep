// The reader at one resource group, for a team that does not give it a whole subscription.

@description('Object id of the identity that reads.')
param principalId string

@description('Name (GUID) of the reader role\'s definition.')
param roleName string

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, principalId, roleName)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleName)
    description: 'Pullmedic reads here'
  }
}
