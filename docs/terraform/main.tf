# An example: the events of one workspace and the rights around it, for a team that keeps its platform in Terraform.
#
# It makes what infra/events.bicep makes, and the reader role of infra/main.bicep; it does not make the app. Copy it, keep
# the two JSON files beside it in the same version of Pullmedic, and apply it when the code is deployed: Event Grid refuses
# a function that it cannot find.

terraform {
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}

provider "azurerm" {
  features {}

  subscription_id = var.subscription_id
}

locals {
  # Made from what the code declares: never edited by hand, neither there nor here.
  rights = jsondecode(file("${path.module}/../../infra/reader-role.json"))
  fixer  = jsondecode(file("${path.module}/../../infra/fixer-condition.json"))

  granted = concat(
    [for right in local.rights.core : right.action],
    [for right in local.rights.network : right.action if var.read_network],
    [for right in local.rights.serving : right.action if var.read_serving],
    [for right in local.rights.doctor : right.action if var.read_doctor],
  )

  principals = join(", ", var.fix_principal_ids)
  condition = (
    length(var.fix_principal_ids) == 0
    ? local.fixer.anybody
    : replace(local.fixer.listed, "{principals}", local.principals)
  )

  subscription = "/subscriptions/${var.subscription_id}"
}

# --- what was made before -------------------------------------------------------------------------------------------

data "azurerm_storage_account" "app" {
  name                = var.storage_account_name
  resource_group_name = var.app_resource_group
}

data "azurerm_user_assigned_identity" "reader" {
  name                = var.reader_identity_name
  resource_group_name = var.app_resource_group
}

data "azurerm_user_assigned_identity" "fixer" {
  count = length(var.fix_registry_ids) == 0 ? 0 : 1

  name                = var.fixer_identity_name
  resource_group_name = var.app_resource_group
}

# --- the events -----------------------------------------------------------------------------------------------------

# A workspace has one system topic at most. Where it has one already: `terraform import`, and see that it has an identity.
resource "azurerm_eventgrid_system_topic" "workspace" {
  name                = "pullmedic-${var.workspace_name}"
  resource_group_name = var.workspace_resource_group
  location            = var.workspace_location
  source_resource_id  = "${local.subscription}/resourceGroups/${var.workspace_resource_group}/providers/Microsoft.MachineLearningServices/workspaces/${var.workspace_name}"
  topic_type          = "Microsoft.MachineLearningServices.Workspaces"

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_role_assignment" "dead_letters" {
  scope                = "${data.azurerm_storage_account.app.id}/blobServices/default/containers/${var.dead_letter_container}"
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_eventgrid_system_topic.workspace.identity[0].principal_id
  principal_type       = "ServicePrincipal"
  description          = "Pullmedic: events that could not be delivered"
}

resource "azurerm_eventgrid_system_topic_event_subscription" "pullmedic" {
  name                  = basename(var.function_app_id) # one for each installation; a topic serves them all
  system_topic          = azurerm_eventgrid_system_topic.workspace.name
  resource_group_name   = var.workspace_resource_group
  event_delivery_schema = "EventGridSchema"
  included_event_types  = ["Microsoft.MachineLearningServices.RunStatusChanged"]

  azure_function_endpoint {
    function_id                       = "${var.function_app_id}/functions/on_run_status_changed"
    max_events_per_batch              = 1
    preferred_batch_size_in_kilobytes = 64
  }

  advanced_filter {
    string_in {
      key    = "data.runStatus"
      values = ["Failed", "Completed"]
    }
  }

  retry_policy {
    max_delivery_attempts = 30
    event_time_to_live    = 1440
  }

  storage_blob_dead_letter_destination {
    storage_account_id          = data.azurerm_storage_account.app.id
    storage_blob_container_name = var.dead_letter_container
  }

  dead_letter_identity {
    type = "SystemAssigned"
  }

  depends_on = [azurerm_role_assignment.dead_letters]
}

# --- the reader -----------------------------------------------------------------------------------------------------

resource "azurerm_role_definition" "reader" {
  name              = var.reader_role_name
  scope             = local.subscription
  description       = "Reads what decides why an Azure Machine Learning run could not pull its container image."
  assignable_scopes = [local.subscription]

  permissions {
    actions          = local.granted
    not_actions      = []
    data_actions     = []
    not_data_actions = []
  }
}

resource "azurerm_role_assignment" "reader" {
  scope              = local.subscription
  role_definition_id = azurerm_role_definition.reader.role_definition_resource_id
  principal_id       = data.azurerm_user_assigned_identity.reader.principal_id
  principal_type     = "ServicePrincipal"
  description        = "Pullmedic reads here"
}

# Registry by registry: whether an image is there is then a fact.
resource "azurerm_role_assignment" "pull" {
  for_each = var.pull_registries

  scope                = each.key
  role_definition_name = each.value == "AbacRepositoryPermissions" ? "Container Registry Repository Reader" : "AcrPull"
  principal_id         = data.azurerm_user_assigned_identity.reader.principal_id
  principal_type       = "ServicePrincipal"
  description          = "Pullmedic reads manifests and tags here"
}

# --- the fixer, only where registries are named ---------------------------------------------------------------------

resource "azurerm_role_assignment" "fixer" {
  for_each = var.fix_registry_ids

  scope              = each.key
  role_definition_id = "${local.subscription}/providers/Microsoft.Authorization/roleDefinitions/${local.fixer.role}"
  principal_id       = data.azurerm_user_assigned_identity.fixer[0].principal_id
  principal_type     = "ServicePrincipal"
  description        = "Pullmedic may grant and take back pull roles here"
  condition          = local.condition
  condition_version  = "2.0"
}
