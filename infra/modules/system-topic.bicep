// The system topic of a workspace that has none: a workspace has one at most, in its own subscription and region.

@description('Name of the topic.')
param name string

@description('Region of the workspace.')
param location string

@description('Resource id of the workspace.')
param workspaceId string

@description('Tags of the topic.')
param tags object

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: workspaceId
    topicType: 'Microsoft.MachineLearningServices.Workspaces'
  }
}
