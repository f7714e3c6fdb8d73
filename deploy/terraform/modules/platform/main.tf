# One environment: the nine modules, joined.

data "aws_region" "current" {}

locals {
  own_database = nonsensitive(var.mongodb_uri == null)

  environment = merge({
    NOCTURNAL_ENV      = "production"
    ALLOWED_HOSTS      = var.domain_name
    PUBLIC_URL         = "https://${var.domain_name}"
    TRUSTED_PROXIES    = "1" # the load balancer
    REDIS_URL          = module.cache.url
    INSTANCES_EXPECTED = tostring(var.size.maximum)
    USE_S3             = "true"
    S3_BUCKET          = module.storage.bucket
    AWS_REGION         = data.aws_region.current.name
    LOG_FORMAT         = "json"
  }, length(var.allowed_origins) > 0 ? { CORS_ALLOWED_ORIGINS = join(",", var.allowed_origins) } : {}, var.settings)
}

module "network" {
  source = "../network"

  name               = var.name
  zones              = var.zones
  nat_per_zone       = var.size.nat_per_zone
  log_retention_days = var.log_retention_days
  kms_key_arn        = module.secrets.kms_key_arn
}

module "secrets" {
  source = "../secrets"

  name                 = var.name
  mongodb_uri          = local.own_database ? module.database[0].uri : var.mongodb_uri
  recovery_days        = var.keep ? 30 : 0
  rotation_lambda_arns = var.rotation_lambda_arns
}

module "storage" {
  source = "../storage"

  providers = {
    aws         = aws
    aws.replica = aws.replica
  }

  name            = var.name
  kms_key_arn     = module.secrets.kms_key_arn
  allowed_origins = concat(["https://${var.domain_name}"], var.allowed_origins)
  replicate       = var.replicate_files
  force_destroy   = !var.keep
}

module "database" {
  source = "../database"
  count  = local.own_database ? 1 : 0

  name                     = var.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.isolated_subnet_ids
  client_security_group_id = module.service.security_group_id
  kms_key_arn              = module.secrets.kms_key_arn
  master_password          = module.secrets.database_password
  instance_class           = var.size.database_class
  instance_count           = var.size.database_count
  deletion_protection      = var.keep
  log_retention_days       = var.log_retention_days
}

module "cache" {
  source = "../cache"

  name                     = var.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.isolated_subnet_ids
  client_security_group_id = module.service.security_group_id
  kms_key_arn              = module.secrets.kms_key_arn
  auth_token               = module.secrets.redis_password
  node_type                = var.size.cache_node_type
  node_count               = var.size.cache_node_count
  log_retention_days       = var.log_retention_days
}

module "discovery" {
  source = "../discovery"

  name   = var.name
  vpc_id = module.network.vpc_id
  hosts = merge(
    { redis = module.cache.endpoint },
    local.own_database ? { mongodb = module.database[0].endpoint } : {},
  )
}

module "load_balancer" {
  source = "../load_balancer"

  name                = var.name
  vpc_id              = module.network.vpc_id
  vpc_cidr            = module.network.vpc_cidr
  subnet_ids          = module.network.public_subnet_ids
  kms_key_arn         = module.secrets.kms_key_arn
  domain_name         = var.domain_name
  zone_id             = var.zone_id
  certificate_arn     = var.certificate_arn
  log_bucket          = module.storage.log_bucket
  deletion_protection = var.keep
  log_retention_days  = var.log_retention_days
}

module "service" {
  source = "../service"

  name                            = var.name
  vpc_id                          = module.network.vpc_id
  subnet_ids                      = module.network.private_subnet_ids
  load_balancer_security_group_id = module.load_balancer.security_group_id
  target_group_arn                = module.load_balancer.target_group_arn
  scaling_label                   = module.load_balancer.metric_names
  discovery_service_arn           = module.discovery.app_service_arn
  kms_key_arn                     = module.secrets.kms_key_arn
  bucket_arn                      = module.storage.bucket_arn
  image                           = var.image
  architecture                    = var.size.architecture
  cpu                             = var.size.cpu
  memory_mib                      = var.size.memory_mib
  environment                     = local.environment
  secrets                         = merge(module.secrets.arns, var.secret_arns)
  minimum                         = var.size.minimum
  maximum                         = var.size.maximum
  requests_per_task               = var.size.requests_per_task
  schedule                        = var.size.schedule
  spot_share                      = var.size.spot_share
  allow_exec                      = var.allow_exec
  log_retention_days              = var.log_retention_days
}

module "monitoring" {
  source = "../monitoring"

  name             = var.name
  kms_key_arn      = module.secrets.kms_key_arn
  email            = var.alarm_email
  load_balancer    = module.load_balancer.metric_names
  database_cluster = local.own_database ? module.database[0].cluster_identifier : null
  cache_nodes      = module.cache.node_ids

  service = {
    cluster   = module.service.cluster_name
    service   = module.service.service_name
    minimum   = var.size.minimum
    maximum   = var.size.maximum
    log_group = module.service.log_groups["app"]
  }
}
