variable "region" {
  description = "The region of the state and of the images."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is one of Amazon's, such as us-east-1."
  }
}

variable "keep" {
  description = "false, applied before terraform destroy, lets the state and the images be removed with what is in them."
  type        = bool
  default     = true

  validation {
    condition     = contains([true, false], var.keep)
    error_message = "keep is true or false."
  }
}
