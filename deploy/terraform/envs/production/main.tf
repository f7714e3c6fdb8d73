# Production: three zones, a NAT gateway in each, three DocumentDB instances, 3 to 10 tasks on demand.

provider "aws" {
  region = var.region

  default_tags {
    tags = { project = "nocturnal", environment = "production" }
  }
}

provider "aws" {
  alias  = "replica"
  region = var.replica_region

  default_tags {
    tags = { project = "nocturnal", environment = "production" }
  }
}

module "platform" {
  source = "../../modules/platform"

  providers = {
    aws         = aws
    aws.replica = aws.replica
  }

  name                 = "nocturnal"
  zones                = var.zones
  domain_name          = var.domain_name
  zone_id              = var.zone_id
  certificate_arn      = var.certificate_arn
  image                = var.image
  mongodb_uri          = var.mongodb_uri
  settings             = var.settings
  secret_arns          = var.secret_arns
  rotation_lambda_arns = var.rotation_lambda_arns
  allowed_origins      = var.allowed_origins
  alarm_email          = var.alarm_email
  keep                 = var.keep
  replicate_files      = var.replicate_files

  size = {
    database_class = var.database_class
    schedule       = var.schedule
  }
}
