variable "name" {
  description = "Prefix of every name, such as nocturnal."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name is 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts notices."
  type        = string

  validation {
    condition     = startswith(var.kms_key_arn, "arn:")
    error_message = "kms_key_arn is an ARN."
  }
}

variable "email" {
  description = "Who is told of alarms; confirms by a link in the first mail. null: nobody but those who subscribe to the topic."
  type        = string
  default     = null

  validation {
    condition     = var.email == null || can(regex("^[^@ ]+@[^@ ]+$", var.email))
    error_message = "email is an address, or null."
  }
}

variable "load_balancer" {
  description = "The load balancer, the target group and the firewall as metrics name them."
  type        = object({ load_balancer = string, target_group = string, firewall = string })

  validation {
    condition     = startswith(var.load_balancer.load_balancer, "app/")
    error_message = "load_balancer.load_balancer is an ARN's suffix: app/..."
  }
}

variable "service" {
  description = "The cluster and the service, the bounds of its scaling, and its log group."
  type        = object({ cluster = string, service = string, minimum = number, maximum = number, log_group = string })

  validation {
    condition     = var.service.minimum <= var.service.maximum
    error_message = "service.minimum is service.maximum at most."
  }
}

variable "database_cluster" {
  description = "The DocumentDB cluster; null where MongoDB is somebody else's."
  type        = string
  default     = null

  validation {
    condition     = var.database_cluster == null || try(length(var.database_cluster) > 0, false)
    error_message = "database_cluster is a name or null."
  }
}

variable "cache_nodes" {
  description = "The nodes of Redis, by number."
  type        = list(string)

  validation {
    condition     = length(var.cache_nodes) >= 1
    error_message = "cache_nodes names one at least."
  }
}

variable "latency_seconds" {
  description = "The slowest twentieth of requests (p95) above which there is an alarm."
  type        = number
  default     = 1

  validation {
    condition     = var.latency_seconds > 0 && var.latency_seconds <= 60
    error_message = "latency_seconds is above 0 and 60 at most."
  }
}
