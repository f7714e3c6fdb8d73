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

variable "vpc_cidr" {
  description = "The VPC's addresses: the only ones that the load balancer may connect to."
  type        = string

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0))
    error_message = "vpc_cidr is a network, such as 10.20.0.0/16."
  }
}

variable "subnet_ids" {
  description = "Public subnets, in two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids names two subnets at least, in different zones."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts the firewall's log."
  type        = string

  validation {
    condition     = startswith(var.kms_key_arn, "arn:")
    error_message = "kms_key_arn is an ARN."
  }
}

variable "domain_name" {
  description = "The host that clients call, such as api.example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name is a host name in lower case, such as api.example.com."
  }
}

variable "zone_id" {
  description = "The Route 53 zone of domain_name: a certificate is made and proven there, and the name leads to the load balancer. null: give certificate_arn, and point the name there yourself."
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

  validation {
    condition     = (var.certificate_arn == null) != (var.zone_id == null)
    error_message = "Give zone_id or certificate_arn, and not both."
  }
}

variable "health_check_path" {
  description = "What says that a task may have requests: /api/health/ready, or /api/health. Both are 503 without the database; readiness is 503 also while a task drains and while migrations are missing, so that a roll before its migration is rolled back and not served."
  type        = string
  default     = "/api/health/ready"

  validation {
    condition     = contains(["/api/health", "/api/health/ready"], var.health_check_path)
    error_message = "health_check_path is /api/health or /api/health/ready. Liveness looks at nothing that a request needs."
  }
}

variable "log_bucket" {
  description = "The bucket of access logs, which allows load balancers to write."
  type        = string

  validation {
    condition     = length(var.log_bucket) >= 3
    error_message = "log_bucket is a bucket's name."
  }
}

variable "requests_per_address" {
  description = "The most requests of one address in five minutes, before the firewall refuses it. A coarse layer above the product's own limits, against floods: an office behind one address must fit."
  type        = number
  default     = 6000

  validation {
    condition     = var.requests_per_address >= 100 && var.requests_per_address <= 2000000
    error_message = "requests_per_address is 100 to 2000000."
  }
}

variable "deletion_protection" {
  description = "Refuse to remove the load balancer."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = contains([true, false], var.deletion_protection)
    error_message = "deletion_protection is true or false."
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

