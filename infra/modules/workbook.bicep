// The workbook: what fails, how fast people hear of it, what stays unknown. Made from tools/queries.py.

@description('Name of the Application Insights component that it asks.')
param insightsName string

@description('Region of the workbook.')
param location string

@description('Tags of the workbook.')
param tags object

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(insights.id, 'pullmedic')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Pullmedic'
    category: 'workbook'
    sourceId: insights.id
    serializedData: loadTextContent('../workbook.json')
  }
}
