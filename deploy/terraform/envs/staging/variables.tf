variable "region" {
  description = "The region of everything."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is one of Amazon's, such as us-east-1."
  }
}

variable "replica_region" {
  description = "Where files are copied to, when replicate_files is set."
  type        = string
  default     = "us-west-2"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.replica_region)) && var.replica_region != var.region
    error_message = "replica_region is another region than region."
  }
}

variable "zones" {
  description = "Availability zones of the region, two at least."
  type        = list(string)
  default     = ["us-east-1a", "us-east-1b"]

  validation {
    condition     = length(var.zones) >= 2 && alltrue([for zone in var.zones : startswith(zone, var.region)])
    error_message = "zones are two of the region at least."
  }
}

variable "domain_name" {
  description = "The host that clients call, such as api.example.com."
  type        = string

  validation {
    condition     = strcontains(var.domain_name, ".")
    error_message = "domain_name is a host name."
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
    error_message = "certificate_arn begins with arn:aws:acm:."
  }
}

variable "image" {
  description = "The image to run: the repository of bootstrap/, with a tag that is never moved, or a digest."
  type        = string

  validation {
    condition     = can(regex("[:@]", var.image))
    error_message = "image has a tag or a digest."
  }
}

variable "mongodb_uri" {
  description = "A MongoDB in place of DocumentDB. Give it as TF_VAR_mongodb_uri."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.mongodb_uri == null || startswith(coalesce(var.mongodb_uri, "-"), "mongodb")
    error_message = "mongodb_uri begins with mongodb:// or mongodb+srv://."
  }
}

variable "settings" {
  description = "Further variables of the product that are no secrets, such as EMAIL_FROM."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : upper(name) == name])
    error_message = "settings are variables of the product, in capitals."
  }
}

variable "secret_arns" {
  description = "Further secrets of the product, such as EMAIL_URL, by variable."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.secret_arns) : startswith(arn, "arn:")])
    error_message = "secret_arns are ARNs."
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

variable "allowed_origins" {
  description = "Origins of browsers' pages that call the API."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.allowed_origins : startswith(origin, "https://")])
    error_message = "allowed_origins begin with https://."
  }
}

variable "alarm_email" {
  description = "Who is told of alarms."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || strcontains(coalesce(var.alarm_email, "-"), "@")
    error_message = "alarm_email is an address."
  }
}
