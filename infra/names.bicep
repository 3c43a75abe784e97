// The names of what is ours. Both templates ask here, so that the second finds what the first has made.

@export()
@description('The names in the resource group `groupName`; the same group gives the same names.')
func resourceNames(prefix string, subscriptionId string, groupName string) object => {
  functionApp: '${prefix}-${uniqueString(subscriptionId, groupName)}'
  eventSubscription: '${prefix}-${uniqueString(subscriptionId, groupName)}'
  plan: '${prefix}-plan'
  fixApp: '${prefix}-fix-${uniqueString(subscriptionId, groupName)}'
  fixPlan: '${prefix}-fix-plan'
  fixHost: '${prefix}-fix-host'
  fixStorageAccount: 'pmfix${uniqueString(subscriptionId, groupName)}'
  identity: '${prefix}-reader'
  fixer: '${prefix}-fixer'
  storageAccount: 'pm${uniqueString(subscriptionId, groupName)}'
  vault: 'pm${uniqueString(subscriptionId, groupName)}'
  logs: '${prefix}-logs'
  insights: '${prefix}-insights'
  readerRole: 'Pullmedic Reader (${prefix}, ${uniqueString(subscriptionId, groupName)})'
  packageContainer: 'app-package'
  deadLetterContainer: 'deadletter'
}

@export()
@description('The name of the system topic that is made for a workspace which has none.')
func systemTopicName(workspaceId string) string => 'pullmedic-${uniqueString(toLower(workspaceId))}'

@export()
@description('The id of the resource group that holds the resource `id`.')
func groupOf(id string) string => join(take(split(id, '/'), 5), '/')
