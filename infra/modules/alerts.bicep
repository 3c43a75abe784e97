// Alerts on what the app says of itself, and on events that Event Grid could not deliver. The rules are made from
// tools/queries.py; each fires where its query gives a row.

@description('Name of the Application Insights component that the rules ask.')
param insightsName string

@description('Region of the rules.')
param location string

@description('Tags of the rules.')
param tags object

@description('E-mail addresses that are told.')
param emails array

@description('Ids of action groups that are told as well.')
param actionGroupIds array

@description('Ids of the Event Grid system topics whose dead letters are told of.')
param topicIds array

var rules = loadJsonContent('../alerts.json')
var told = empty(emails) ? actionGroupIds : concat(actionGroupIds, [
  group.id
])

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emails)) {
  name: 'pullmedic-alerts'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'pullmedic'
    enabled: true
    emailReceivers: [for (email, place) in emails: {
      name: 'mail-${place}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
  }
}

resource asked 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: 'pullmedic-${rule.name}'
  location: location
  tags: tags
  properties: {
    displayName: 'Pullmedic: ${rule.title}'
    description: rule.description
    severity: rule.severity
    enabled: true
    evaluationFrequency: rule.every
    windowSize: rule.window
    scopes: [
      insights.id
    ]
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    skipQueryValidation: true
    actions: {
      actionGroups: told
    }
  }
}]

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = [for (topic, place) in topicIds: {
  name: 'pullmedic-dead-letters-${place}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Grid could not deliver an event and put it into the container for dead letters. The sweep finds the run; look at the subscription\'s metrics for the reason.'
    severity: 1
    enabled: true
    evaluationFrequency: 'PT15M'
    windowSize: 'PT30M'
    scopes: [
      topic
    ]
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-lettered'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'DeadLetteredCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: [for id in told: {
      actionGroupId: id
    }]
  }
}]
