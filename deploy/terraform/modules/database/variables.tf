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
  description = "The key that encrypts records, backups and logs."
  type        = string

  validation {
    condition     = startswith(var.kms_key_arn, "arn:")
    error_message = "kms_key_arn is an ARN."
  }
}

variable "master_username" {
  description = "The user that the product signs in as."
  type        = string
  default     = "nocturnal"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,62}$", var.master_username)) && !contains(["admin", "root", "rdsadmin"], var.master_username)
    error_message = "master_username is lower-case letters and digits, begins with a letter, and is no reserved word."
  }
}

variable "master_password" {
  description = "The user's password, 16 characters at least, of letters and digits: it stands in a URI."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9]{16,100}$", var.master_password))
    error_message = "master_password is 16 to 100 letters and digits."
  }
}

variable "engine_version" {
  description = "DocumentDB's engine: 8.0, the only one that says it is newer than MongoDB 6.0, as the driver asks."
  type        = string
  default     = "8.0.0"

  validation {
    condition     = can(regex("^8\\.0\\.[0-9]+$", var.engine_version))
    error_message = "engine_version is 8.0.x: docs/decisions/0006-documentdb.md says why."
  }
}

variable "instance_class" {
  description = "The instances' type. t4g and r6g and newer are Graviton, which is cheaper for the same work."
  type        = string
  default     = "db.r6g.large"

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class is a DocumentDB type, such as db.r6g.large or db.t4g.medium."
  }
}

variable "instance_count" {
  description = "One primary and its replicas, over the zones."
  type        = number
  default     = 3

  validation {
    condition     = var.instance_count >= 1 && var.instance_count <= 16 && floor(var.instance_count) == var.instance_count
    error_message = "instance_count is a whole number from 1 to 16."
  }
}

variable "backup_retention_days" {
  description = "How far back the cluster can be restored to any second."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_retention_days >= 7 && var.backup_retention_days <= 35
    error_message = "backup_retention_days is 7 to 35."
  }
}

variable "deletion_protection" {
  description = "Refuse to remove the cluster, and keep a last snapshot when it is removed after all."
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

variable "ca_file" {
  description = "Where the image holds Amazon's certificates for databases, which no system's own store has."
  type        = string
  default     = "/etc/ssl/amazon/global-bundle.pem"

  validation {
    condition     = startswith(var.ca_file, "/") && can(regex("^[A-Za-z0-9/._-]+$", var.ca_file))
    error_message = "ca_file is an absolute path of letters, digits, dots, hyphens and underscores."
  }
}
