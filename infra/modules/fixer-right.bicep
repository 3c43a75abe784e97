// The fixer's right at one registry: roles may be assigned there, the two pull roles alone, to service principals alone.
// Azure itself holds the condition against every request, so that even a fault in the code cannot grant more.

@description('Name of the registry.')
param registryName string

@description('Object id of the fixer\'s identity.')
param principalId string

@description('Object ids that may get a role. Empty: every service principal.')
param principalIds array

// Made by `python -m responders.fixes.right_file --write`.
var condition = loadJsonContent('../fixer-condition.json')
var listed = join(principalIds, ', ')
var wanted = empty(principalIds) ? condition.anybody : replace(condition.listed, '{principals}', listed)

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: registryName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, principalId, condition.role)
  scope: registry
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', condition.role)
    description: 'Pullmedic may grant and take back pull roles here'
    condition: wanted
    conditionVersion: '2.0'
  }
}
