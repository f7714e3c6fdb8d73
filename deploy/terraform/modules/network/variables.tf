variable "name" {
  description = "Prefix of every name, such as nocturnal."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name is 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "cidr" {
  description = "Addresses of the VPC. Each zone takes three subnets of a sixteenth of it."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.cidr)[1]), 99) <= 20
    error_message = "cidr is an IPv4 network from /16 to /20, such as 10.20.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones, two at least, so that one may be lost."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 5 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones names two to five different availability zones."
  }
}

variable "nat_per_zone" {
  description = "One NAT gateway in each zone, so that no zone's loss takes the way out from the others; false: one for all, which costs less."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = contains([true, false], var.nat_per_zone)
    error_message = "nat_per_zone is true or false."
  }
}

variable "log_retention_days" {
  description = "How long flow logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days is a number that CloudWatch Logs knows, such as 30, 90 or 365."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts flow logs."
  type        = string

  validation {
    condition     = startswith(var.kms_key_arn, "arn:")
    error_message = "kms_key_arn is an ARN."
  }
}
