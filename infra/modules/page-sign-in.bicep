// Sign-in for the incident's page: App Service authentication with Microsoft Entra (docs/incident-page.md).
//
// Whoever cannot sign in is left out by path, and has a proof of its own: Event Grid (a 401 is never tried again), Slack,
// a Teams flow, and who asks whether the app is well (the report asks for the app's key).

@description('Name of the function app that serves the page.')
param appName string

@description('Client id of the app registration that people sign in to.')
param clientId string

@description('Tenant whose people sign in.')
param tenantId string

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: appName
}

resource signIn 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: [
        '/runtime/webhooks/EventGrid'
        '/api/slack/requests'
        '/api/teams/delivered'
        '/api/health'
        '/api/health/report'
      ]
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          clientSecretSettingName: 'MICROSOFT_PROVIDER_AUTHENTICATION_SECRET'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenantId}/v2.0'
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}
