// The custom role that reads, made from what the code declares (`python -m diagnostics.rights --write`). It holds
// single actions only, and none that hands out a key; the right to pull is given registry by registry instead.
targetScope = 'subscription'

@description('Name of the role; names of custom roles are unique in a tenant.')
param roleName string

@description('Ids of the subscriptions in which the role can be assigned.')
param subscriptionIds array

@description('Whether the optional block `network` is part of it.')
param network bool

@description('Whether the optional block `serving` is part of it.')
param serving bool

@description('Whether the optional block `doctor` is part of it.')
param doctor bool

var rights = loadJsonContent('../reader-role.json')
var reading = network ? concat(rights.core, rights.network) : rights.core
var served = serving ? concat(reading, rights.serving) : reading
var granted = doctor ? concat(served, rights.doctor) : served

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, roleName)
  properties: {
    type: 'CustomRole'
    roleName: roleName
    description: 'Reads what decides why an Azure Machine Learning run could not pull its container image.'
    permissions: [
      {
        actions: map(granted, right => right.action)
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [for id in subscriptionIds: '/subscriptions/${id}']
  }
}

output name string = role.name
