// The identity of a topic that is there, be it made by us or by others. A module of its own, since a template must not
// read what it makes itself before it has made it.

@description('Name of the system topic. It must have a system-assigned identity.')
param topicName string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

output principalId string = topic.identity.principalId
