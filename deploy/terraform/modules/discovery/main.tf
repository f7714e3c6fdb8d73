# nocturnal-app.nocturnal.local, mongodb.nocturnal.local and redis.nocturnal.local, inside the VPC.
# The product itself uses the servers' own names: their certificates say nothing of nocturnal.local, and TLS would
# refuse it. These names are for people, tools and services beside the product.

resource "aws_service_discovery_private_dns_namespace" "main" {
  name        = var.namespace
  description = "Names of ${var.name} inside its VPC"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "app" {
  name          = "nocturnal-app"
  force_destroy = true

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.main.id
    routing_policy = "MULTIVALUE"

    dns_records {
      ttl  = 10
      type = "A"
    }
  }

  # ECS says how its tasks are.
  health_check_custom_config {
    failure_threshold = 1
  }
}

resource "aws_service_discovery_service" "host" {
  for_each = var.hosts

  name          = each.key
  force_destroy = true

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.main.id
    routing_policy = "WEIGHTED"

    dns_records {
      ttl  = 10
      type = "CNAME"
    }
  }
}

resource "aws_service_discovery_instance" "host" {
  for_each = var.hosts

  instance_id = each.key
  service_id  = aws_service_discovery_service.host[each.key].id

  attributes = { AWS_INSTANCE_CNAME = each.value }
}
