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
  description = "Private subnets, in two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids names two subnets at least, in different zones."
  }
}

variable "load_balancer_security_group_id" {
  description = "Who may connect to tasks."
  type        = string

  validation {
    condition     = startswith(var.load_balancer_security_group_id, "sg-")
    error_message = "load_balancer_security_group_id begins with sg-"
  }
}

variable "target_group_arn" {
  description = "The load balancer's target group."
  type        = string

  validation {
    condition     = startswith(var.target_group_arn, "arn:")
    error_message = "target_group_arn is an ARN."
  }
}

variable "scaling_label" {
  description = "The load balancer and the target group as metrics name them, for scaling by requests."
  type        = object({ load_balancer = string, target_group = string })

  validation {
    condition     = startswith(var.scaling_label.load_balancer, "app/") && startswith(var.scaling_label.target_group, "targetgroup/")
    error_message = "scaling_label has the ARNs' suffixes: app/... and targetgroup/..."
  }
}

variable "discovery_service_arn" {
  description = "Where tasks are registered by name."
  type        = string

  validation {
    condition     = startswith(var.discovery_service_arn, "arn:")
    error_message = "discovery_service_arn is an ARN."
  }
}

variable "kms_key_arn" {
  description = "The key of logs, secrets and objects."
  type        = string

  validation {
    condition     = startswith(var.kms_key_arn, "arn:")
    error_message = "kms_key_arn is an ARN."
  }
}

variable "bucket_arn" {
  description = "The bucket of the files."
  type        = string

  validation {
    condition     = startswith(var.bucket_arn, "arn:")
    error_message = "bucket_arn is an ARN."
  }
}

variable "object_patterns" {
  description = "The objects that tasks may touch, as patterns below the bucket: CATEGORY/YYYY-MM-DD/ID (also below thumbnails/ and quarantine/), what waits in staging/, and the one that health asks for."
  type        = list(string)
  default     = ["*/20??-??-??/*", "staging/*", "health/*"]

  validation {
    condition     = length(var.object_patterns) > 0 && alltrue([for pattern in var.object_patterns : pattern != "*" && strcontains(pattern, "/")])
    error_message = "object_patterns name folders; none is the whole bucket."
  }
}

variable "image" {
  description = "The image to run, by tag that is never moved or by digest."
  type        = string

  validation {
    condition     = can(regex("(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image has a tag other than latest, or a digest: what runs must be known, and what ran before must come back."
  }
}

variable "architecture" {
  description = "What the image was built for. ARM64 is Graviton: a fifth cheaper on Fargate."
  type        = string
  default     = "ARM64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "architecture is ARM64 or X86_64."
  }
}

variable "cpu" {
  description = "CPU units of a task; 1024 is one. One process with threads seldom uses more than one."
  type        = number
  default     = 1024

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.cpu)
    error_message = "cpu is 256, 512, 1024, 2048 or 4096."
  }
}

variable "memory_mib" {
  description = "Memory of a task, in MiB; Fargate allows two to eight times the CPU units."
  type        = number
  default     = 2048

  validation {
    condition     = var.memory_mib >= 2 * var.cpu && var.memory_mib <= 8 * var.cpu
    error_message = "memory_mib is two to eight times cpu."
  }
}

variable "environment" {
  description = "Variables of the product that are no secrets."
  type        = map(string)

  validation {
    condition = length(setintersection(keys(var.environment), [
      "SECRET_KEY", "JWT_SECRET", "MONGODB_URI", "REDIS_PASSWORD", "EMAIL_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
    ])) == 0
    error_message = "A secret belongs into secrets; the key of S3 into nothing, because the task has a role."
  }
}

variable "secrets" {
  description = "Variables of the product, and the ARNs of the secrets with their values."
  type        = map(string)

  validation {
    condition     = alltrue([for arn in values(var.secrets) : startswith(arn, "arn:")]) && length(setsubtract(["SECRET_KEY", "JWT_SECRET", "MONGODB_URI", "REDIS_PASSWORD"], keys(var.secrets))) == 0
    error_message = "secrets maps variables to ARNs, and has SECRET_KEY, JWT_SECRET, MONGODB_URI and REDIS_PASSWORD."
  }
}

variable "minimum" {
  description = "The fewest tasks."
  type        = number
  default     = 3

  validation {
    condition     = var.minimum >= 1 && var.minimum <= 100
    error_message = "minimum is 1 to 100."
  }
}

variable "maximum" {
  description = "The most tasks."
  type        = number
  default     = 10

  validation {
    condition     = var.maximum >= var.minimum && var.maximum <= 100
    error_message = "maximum is minimum to 100."
  }
}

variable "requests_per_task" {
  description = "Requests a minute and task, above which there are more tasks: half of the 1,200 a second that one was measured to serve elsewhere. Measure yours."
  type        = number
  default     = 36000

  validation {
    condition     = var.requests_per_task >= 60
    error_message = "requests_per_task is 60 at least."
  }
}

variable "schedule" {
  description = "Other bounds by the clock (UTC), by name: {night = {cron = \"0 22 * * ? *\", minimum = 2, maximum = 4}}. manage.py estimate_cost says what it saves."
  type        = map(object({ cron = string, minimum = number, maximum = number }))
  default     = {}

  validation {
    condition     = alltrue([for each in values(var.schedule) : each.minimum >= 1 && each.maximum >= each.minimum])
    error_message = "schedule has minimum of 1 at least, and maximum of minimum at least."
  }
}

variable "spot_share" {
  description = "How many of four tasks beyond the first run on Fargate Spot: 70 % cheaper, and taken away with two minutes' notice."
  type        = number
  default     = 0

  validation {
    condition     = var.spot_share >= 0 && var.spot_share <= 4 && floor(var.spot_share) == var.spot_share
    error_message = "spot_share is 0 to 4."
  }
}

variable "stop_timeout_seconds" {
  description = "How long a task may drain after SIGTERM, before it is killed; Fargate allows 120. The product takes DRAIN_SECONDS (15), and then 30 s for requests that run."
  type        = number
  default     = 90

  validation {
    condition     = var.stop_timeout_seconds >= 60 && var.stop_timeout_seconds <= 120
    error_message = "stop_timeout_seconds is 60 to 120."
  }
}

variable "allow_exec" {
  description = "Let operators open a shell in a task (aws ecs execute-command)."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = contains([true, false], var.allow_exec)
    error_message = "allow_exec is true or false."
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

