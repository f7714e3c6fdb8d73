variable "name" {
  description = "Prefix of every name, such as nocturnal."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name is 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts objects."
  type        = string

  validation {
    condition     = startswith(var.kms_key_arn, "arn:")
    error_message = "kms_key_arn is an ARN."
  }
}

variable "bucket" {
  description = "The bucket's name, which no other account may have; null: the name and the account's number."
  type        = string
  default     = null

  validation {
    condition     = var.bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket is 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "allowed_origins" {
  description = "Origins of browsers' pages that send files straight to the bucket, such as https://app.example.com."
  type        = list(string)

  validation {
    condition     = alltrue([for origin in var.allowed_origins : can(regex("^https://[^*/]+$", origin))])
    error_message = "allowed_origins are https://host, without a path and without *."
  }
}

variable "staging_prefix" {
  description = "Where files lie that were sent straight to the bucket and are not verified yet."
  type        = string
  default     = "staging/"

  validation {
    condition     = can(regex("^[a-z0-9-]+/$", var.staging_prefix))
    error_message = "staging_prefix is one folder and ends with /."
  }
}

variable "staging_days" {
  description = "After how many days what was never completed is removed."
  type        = number
  default     = 2

  validation {
    condition     = var.staging_days >= 1 && var.staging_days <= 30
    error_message = "staging_days is 1 to 30."
  }
}

variable "noncurrent_days" {
  description = "How long a removed or replaced object can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= 365
    error_message = "noncurrent_days is 1 to 365."
  }
}

variable "access_log_days" {
  description = "How long access logs of the load balancer and the bucket are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.access_log_days >= 1 && var.access_log_days <= 731
    error_message = "access_log_days is 1 to 731."
  }
}

variable "force_destroy" {
  description = "Let destroy remove buckets with what is in them. For environments whose files nobody misses."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = contains([true, false], var.force_destroy)
    error_message = "force_destroy is true or false."
  }
}

variable "replicate" {
  description = "Copy every object to the region of the provider aws.replica."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = contains([true, false], var.replicate)
    error_message = "replicate is true or false."
  }
}

