// A private endpoint of one resource, with its record in a private DNS zone that is there already; without a zone the
// record is left to whoever links zones, such as a policy.

@description('Name of the private endpoint.')
param name string

@description('Region of the subnet.')
param location string

@description('Tags of the private endpoint.')
param tags object

@description('Resource id of the subnet in which it gets an address.')
param subnetId string

@description('Resource id of what is reached by it.')
param resourceId string

@description('Which part of the resource: `blob`, `queue`, `table` or `vault`.')
param groupId string

@description('Resource id of the private DNS zone of that part; empty: it is linked by others.')
param zoneId string = ''

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: {
          privateLinkServiceId: resourceId
          groupIds: [
            groupId
          ]
        }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = if (!empty(zoneId)) {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: groupId
        properties: {
          privateDnsZoneId: zoneId
        }
      }
    ]
  }
}
