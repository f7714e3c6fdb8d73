variable "name" {
  description = "Prefix of every name, such as nocturnal."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name is 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "mongodb_uri" {
  description = "MONGODB_URI: the cluster's, or a given one."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^mongodb(\\+srv)?://", var.mongodb_uri))
    error_message = "mongodb_uri begins with mongodb:// or mongodb+srv://."
  }
}

variable "recovery_days" {
  description = "How long a removed secret or key can be brought back; 0 removes secrets at once (staging), keys after 7 days."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days is 0, or 7 to 30."
  }
}

variable "rotation_lambda_arns" {
  description = "Functions that rotate secrets, by the secret's name: SECRET_KEY, JWT_SECRET, database or REDIS_PASSWORD. Tasks read a secret when they start: have the function roll the service at its end."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name, arn in var.rotation_lambda_arns :
      contains(["SECRET_KEY", "JWT_SECRET", "REDIS_PASSWORD", "database"], name) && startswith(arn, "arn:")
    ])
    error_message = "rotation_lambda_arns maps SECRET_KEY, JWT_SECRET, REDIS_PASSWORD or database to ARNs of functions."
  }
}

variable "rotation_days" {
  description = "How often the functions are called."
  type        = number
  default     = 90

  validation {
    condition     = var.rotation_days >= 1 && var.rotation_days <= 1000
    error_message = "rotation_days is 1 to 1000."
  }
}
