variable "name" {
  description = "Prefix of every name, such as nocturnal."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name is 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "zones" {
  description = "Availability zones, two at least."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2
    error_message = "zones names two at least."
  }
}

variable "domain_name" {
  description = "The host that clients call, such as api.example.com."
  type        = string

  validation {
    condition     = strcontains(var.domain_name, ".")
    error_message = "domain_name is a host name, such as api.example.com."
  }
}

variable "zone_id" {
  description = "The Route 53 zone of domain_name; null: give certificate_arn."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || can(regex("^[A-Z0-9]{8,32}$", var.zone_id))
    error_message = "zone_id is the id of a zone, such as Z0123456789ABCDEFGHIJ, or null."
  }
}

variable "certificate_arn" {
  description = "A certificate of ACM for domain_name, where zone_id is null."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || startswith(coalesce(var.certificate_arn, "-"), "arn:aws:acm:")
    error_message = "certificate_arn begins with arn:aws:acm:, or is null."
  }
}

variable "image" {
  description = "The image to run, by a tag that is never moved or by digest."
  type        = string

  validation {
    condition     = can(regex("[:@]", var.image))
    error_message = "image has a tag or a digest."
  }
}

variable "settings" {
  description = "Further variables of the product that are no secrets, such as EMAIL_FROM; they win over what is set here."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "settings are variables of the product: capital letters, digits and underscores."
  }
}

variable "secret_arns" {
  description = "Further secrets of the product, such as EMAIL_URL, by variable: ARNs of Secrets Manager, made by you under the same prefix and key."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.secret_arns) : startswith(arn, "arn:aws:secretsmanager:")])
    error_message = "secret_arns begin with arn:aws:secretsmanager:."
  }
}

variable "mongodb_uri" {
  description = "A MongoDB of your own or Atlas', in place of DocumentDB, which is then not made. Give it as TF_VAR_mongodb_uri, and let the MongoDB in from nat_addresses."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.mongodb_uri == null || can(regex("^mongodb(\\+srv)?://", var.mongodb_uri))
    error_message = "mongodb_uri begins with mongodb:// or mongodb+srv://."
  }
}

variable "size" {
  description = "How much of everything."
  type = object({
    minimum           = optional(number, 3)
    maximum           = optional(number, 10)
    spot_share        = optional(number, 0)
    cpu               = optional(number, 1024)
    memory_mib        = optional(number, 2048)
    architecture      = optional(string, "ARM64")
    nat_per_zone      = optional(bool, true)
    database_class    = optional(string, "db.r6g.large")
    database_count    = optional(number, 3)
    cache_node_type   = optional(string, "cache.t4g.small")
    cache_node_count  = optional(number, 2)
    requests_per_task = optional(number, 36000)
    schedule          = optional(map(object({ cron = string, minimum = number, maximum = number })), {})
  })
  default = {}

  validation {
    condition     = var.size.minimum <= var.size.maximum
    error_message = "size.minimum is size.maximum at most."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = var.log_retention_days >= 1
    error_message = "log_retention_days is 1 at least."
  }
}

variable "allowed_origins" {
  description = "Origins of browsers' pages that call the API and send files straight to the bucket."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.allowed_origins : startswith(origin, "https://")])
    error_message = "allowed_origins begin with https://."
  }
}

variable "alarm_email" {
  description = "Who is told of alarms; null: nobody yet."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || strcontains(coalesce(var.alarm_email, "-"), "@")
    error_message = "alarm_email is an address, or null."
  }
}

variable "rotation_lambda_arns" {
  description = "Functions that rotate secrets, by the secret's name."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.rotation_lambda_arns) : startswith(arn, "arn:")])
    error_message = "rotation_lambda_arns are ARNs."
  }
}

variable "keep" {
  description = "Whether what is here may be missed: guards against removal, last snapshots, and 30 days to change one's mind. false lets terraform destroy remove everything at once."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = contains([true, false], var.keep)
    error_message = "keep is true or false."
  }
}

variable "replicate_files" {
  description = "Copy every file to the region of the provider aws.replica."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = contains([true, false], var.replicate_files)
    error_message = "replicate_files is true or false."
  }
}

variable "allow_exec" {
  description = "Let operators open a shell in a task."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = contains([true, false], var.allow_exec)
    error_message = "allow_exec is true or false."
  }
}

