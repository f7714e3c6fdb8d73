# The service: identical tasks behind the load balancer, 3 to 10 of them, replaced without a gap.

resource "aws_ecs_cluster" "main" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "main" {
  cluster_name       = aws_ecs_cluster.main.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_security_group" "app" {
  name        = "${var.name}-app"
  description = "Tasks: the load balancer comes in; out they go to data, S3, mail and Amazon's APIs"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-app" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  security_group_id            = aws_security_group.app.id
  description                  = "Requests and health checks"
  referenced_security_group_id = var.load_balancer_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5000
  to_port                      = 5000
}

# To MongoDB, Redis, S3 and other APIs of Amazon's, a mail server, and a range API of breached passwords.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = { mongodb = 27017, redis = 6379, https = 443, submission = 587, smtps = 465 }

  security_group_id = aws_security_group.app.id
  description       = "To ${each.key}"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_ecs_service" "app" {
  name                               = "nocturnal-app"
  cluster                            = aws_ecs_cluster.main.id
  task_definition                    = aws_ecs_task_definition.app.arn
  desired_count                      = var.minimum
  platform_version                   = "1.4.0"
  deployment_minimum_healthy_percent = 100 # never fewer than now
  deployment_maximum_percent         = 150 # of three, one more at a time
  health_check_grace_period_seconds  = 60
  availability_zone_rebalancing      = "ENABLED"
  enable_execute_command             = var.allow_exec
  propagate_tags                     = "SERVICE"
  wait_for_steady_state              = false

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 4 - var.spot_share
  }

  dynamic "capacity_provider_strategy" {
    for_each = var.spot_share > 0 ? [var.spot_share] : []

    content {
      capacity_provider = "FARGATE_SPOT"
      weight            = capacity_provider_strategy.value
    }
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.app.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = var.target_group_arn
    container_name   = "app"
    container_port   = 5000
  }

  service_registries {
    registry_arn = var.discovery_service_arn
  }

  # A version whose tasks do not become healthy is replaced by the one before.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # How many there are is the scaling's business.
  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [aws_iam_role_policy.task, aws_iam_role_policy.start, aws_ecs_cluster_capacity_providers.main]
}
