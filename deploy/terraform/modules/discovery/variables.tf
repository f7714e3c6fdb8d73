variable "name" {
  description = "Prefix of every name, such as nocturnal."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name is 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "vpc_id" {
  description = "The VPC whose tasks resolve the names."
  type        = string

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id begins with vpc-"
  }
}

variable "namespace" {
  description = "The private domain. It is seen in this VPC only, so that every environment may have the same."
  type        = string
  default     = "nocturnal.local"

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.namespace))
    error_message = "namespace is a domain, such as nocturnal.local."
  }
}

variable "hosts" {
  description = "Names in the namespace for servers that are not tasks, and the host names that they stand for: mongodb, redis."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.hosts) : contains(["mongodb", "redis"], name)])
    error_message = "hosts may name mongodb and redis."
  }
}
