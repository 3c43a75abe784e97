variable "subscription_id" {
  description = "Subscription of the workspace, its registries, and (in this example) the app."
  type        = string
}

variable "workspace_name" {
  description = "Name of the workspace whose runs are diagnosed."
  type        = string
}

variable "workspace_resource_group" {
  description = "Resource group of the workspace; its topic stands beside it."
  type        = string
}

variable "workspace_location" {
  description = "Region of the workspace, which its topic must have."
  type        = string
}

variable "app_resource_group" {
  description = "Resource group of the function app."
  type        = string
  default     = "rg-pullmedic"
}

variable "function_app_id" {
  description = "Resource id of the function app."
  type        = string
}

variable "storage_account_name" {
  description = "The app's own storage account."
  type        = string
}

variable "dead_letter_container" {
  description = "Container for events that could not be delivered."
  type        = string
  default     = "deadletter"
}

variable "reader_identity_name" {
  description = "Name of the user-assigned identity that the app reads with."
  type        = string
  default     = "pullmedic-reader"
}

variable "fixer_identity_name" {
  description = "Name of the user-assigned identity that makes fixes."
  type        = string
  default     = "pullmedic-fixer"
}

variable "reader_role_name" {
  description = "Name of the custom role; names of custom roles are unique in a tenant."
  type        = string
  default     = "Pullmedic Reader"
}

variable "read_network" {
  description = "Whether the role holds the optional block for causes of network and outage."
  type        = bool
  default     = false
}

variable "read_serving" {
  description = "Whether the role holds the block for failed deployments of online endpoints."
  type        = bool
  default     = true
}

variable "read_doctor" {
  description = "Whether the role holds the block by which the doctor tells whether events are delivered."
  type        = bool
  default     = true
}

variable "pull_registries" {
  description = "Registries whose manifests and tags may be read: resource id to LegacyRegistryPermissions or AbacRepositoryPermissions."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for mode in values(var.pull_registries) : contains(["LegacyRegistryPermissions", "AbacRepositoryPermissions"], mode)])
    error_message = "Each value is LegacyRegistryPermissions or AbacRepositoryPermissions."
  }
}

variable "fix_registry_ids" {
  description = "Resource ids of the registries at which fixes may be made. Empty: there is no fixer."
  type        = set(string)
  default     = []
}

variable "fix_principal_ids" {
  description = "Object ids that a fix may give a role to. Empty: every service principal."
  type        = list(string)
  default     = []
}
