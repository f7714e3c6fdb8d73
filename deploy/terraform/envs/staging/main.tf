# Staging: the same in small. Two zones, one NAT gateway, one DocumentDB instance, tasks on Fargate Spot but for the
# first. Nothing is kept: terraform destroy removes all of it.

provider "aws" {
  region = var.region

  default_tags {
    tags = { project = "nocturnal", environment = "staging" }
  }
}

provider "aws" {
  alias  = "replica"
  region = var.replica_region

  default_tags {
    tags = { project = "nocturnal", environment = "staging" }
  }
}

module "platform" {
  source = "../../modules/platform"

  providers = {
    aws         = aws
    aws.replica = aws.replica
  }

  name                 = "nocturnal-staging"
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
  keep                 = false
  allow_exec           = true
  log_retention_days   = 30

  size = {
    spot_share      = 4
    cpu             = 512
    memory_mib      = 1024
    nat_per_zone    = false
    database_class  = "db.t4g.medium"
    database_count  = 1
    cache_node_type = "cache.t4g.micro"
  }
}
