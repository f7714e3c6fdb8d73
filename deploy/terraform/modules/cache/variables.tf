variable "name" {
  description = "Prefix of every name, such as nocturnal."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name is 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "vpc_id" {
  description = "The VPC that everything stands in."
  type        = string

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id begins with vpc-"
  }
}

variable "subnet_ids" {
  description = "Subnets without a way out, two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids names two subnets at least, in different zones."
  }
}

variable "client_security_group_id" {
  description = "Who may connect: the tasks' security group."
  type        = string

  validation {
    condition     = startswith(var.client_security_group_id, "sg-")
    error_message = "client_security_group_id begins with sg-"
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts what is at rest."
  type        = string

  validation {
    condition     = startswith(var.kms_key_arn, "arn:")
    error_message = "kms_key_arn is an ARN."
  }
}

variable "auth_token" {
  description = "Redis' password, 16 to 128 letters and digits."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9]{16,128}$", var.auth_token))
    error_message = "auth_token is 16 to 128 letters and digits."
  }
}

variable "node_type" {
  description = "The nodes' type. t4g, m7g and r7g are Graviton, which is cheaper for the same work."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "node_type is an ElastiCache type, such as cache.t4g.small."
  }
}

variable "node_count" {
  description = "One primary and its replicas; two at least, so that one can take over."
  type        = number
  default     = 2

  validation {
    condition     = var.node_count >= 2 && var.node_count <= 6 && floor(var.node_count) == var.node_count
    error_message = "node_count is a whole number from 2 to 6."
  }
}

variable "snapshot_retention_days" {
  description = "How many daily snapshots are kept. Counters outlive nothing, so few are enough."
  type        = number
  default     = 1

  validation {
    condition     = var.snapshot_retention_days >= 1 && var.snapshot_retention_days <= 35
    error_message = "snapshot_retention_days is 1 to 35."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days is a number that CloudWatch Logs knows, such as 30, 90 or 365."
  }
}

