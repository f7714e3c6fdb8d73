mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Statement\":[]}" }
  }

  mock_resource "aws_appautoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/1" }
  }
}

variables {
  name                            = "nocturnal"
  vpc_id                          = "vpc-1"
  subnet_ids                      = ["subnet-1", "subnet-2"]
  load_balancer_security_group_id = "sg-1"
  target_group_arn                = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/nocturnal-tg/1"
  scaling_label                   = { load_balancer = "app/nocturnal-alb/1", target_group = "targetgroup/nocturnal-tg/1" }
  discovery_service_arn           = "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1"
  kms_key_arn                     = "arn:aws:kms:us-east-1:123456789012:key/1"
  bucket_arn                      = "arn:aws:s3:::nocturnal-files"
  image                           = "nocturnal:1.0.0"
  environment                     = { NOCTURNAL_ENV = "production" }

  secrets = {
    SECRET_KEY     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nocturnal/SECRET_KEY"
    JWT_SECRET     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nocturnal/JWT_SECRET"
    MONGODB_URI    = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nocturnal/MONGODB_URI"
    REDIS_PASSWORD = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nocturnal/REDIS_PASSWORD"
  }
}

run "scaling" {
  command = plan

  assert {
    condition     = aws_appautoscaling_target.app.min_capacity == 3 && aws_appautoscaling_target.app.max_capacity == 10
    error_message = "3 to 10 tasks."
  }

  assert {
    condition     = aws_appautoscaling_policy.app["cpu"].target_tracking_scaling_policy_configuration[0].target_value == 70
    error_message = "CPU of 70 %."
  }

  assert {
    condition     = aws_appautoscaling_policy.app["memory"].target_tracking_scaling_policy_configuration[0].target_value == 80
    error_message = "Memory of 80 %."
  }

  assert {
    condition     = aws_appautoscaling_policy.app["requests"].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "ALBRequestCountPerTarget"
    error_message = "And the count of requests."
  }

  assert {
    condition = alltrue([for each in aws_appautoscaling_policy.app :
      each.target_tracking_scaling_policy_configuration[0].scale_out_cooldown == 30 &&
      each.target_tracking_scaling_policy_configuration[0].scale_in_cooldown == 300
    ])
    error_message = "More tasks at once, fewer slowly."
  }

  assert {
    condition = (
      aws_appautoscaling_policy.burst.step_scaling_policy_configuration[0].adjustment_type == "PercentChangeInCapacity" &&
      tolist(aws_appautoscaling_policy.burst.step_scaling_policy_configuration[0].step_adjustment)[0].scaling_adjustment == 100 &&
      aws_appautoscaling_policy.burst.step_scaling_policy_configuration[0].min_adjustment_magnitude == 2 &&
      aws_appautoscaling_policy.burst.step_scaling_policy_configuration[0].cooldown == 30
    )
    error_message = "A burst doubles the tasks, by two at least."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.burst.threshold == 70 && aws_cloudwatch_metric_alarm.burst.period * aws_cloudwatch_metric_alarm.burst.evaluation_periods == 120
    error_message = "A burst is two minutes of CPU above 70 %."
  }

  assert {
    condition     = length(aws_appautoscaling_scheduled_action.bounds) == 0
    error_message = "The bounds are the same at all hours, unless told otherwise."
  }
}

run "bounds_by_the_clock" {
  command = plan

  variables {
    schedule = { night = { cron = "0 22 * * ? *", minimum = 2, maximum = 4 } }
  }

  assert {
    condition     = aws_appautoscaling_scheduled_action.bounds["night"].schedule == "cron(0 22 * * ? *)" && aws_appautoscaling_scheduled_action.bounds["night"].scalable_target_action[0].min_capacity == "2"
    error_message = "Fewer by night."
  }
}

run "service" {
  command = plan

  assert {
    condition     = aws_ecs_service.app.deployment_circuit_breaker[0].enable && aws_ecs_service.app.deployment_circuit_breaker[0].rollback
    error_message = "A version that does not become healthy is rolled back."
  }

  assert {
    condition     = aws_ecs_service.app.deployment_minimum_healthy_percent == 100
    error_message = "A roll takes no task away before another is there."
  }

  assert {
    condition     = !aws_ecs_service.app.network_configuration[0].assign_public_ip
    error_message = "Tasks have no public address."
  }

  assert {
    condition     = aws_ecs_service.app.desired_count == 3 && aws_ecs_service.app.name == "nocturnal-app"
    error_message = "nocturnal-app begins with three."
  }

  assert {
    condition     = [for each in aws_ecs_service.app.load_balancer : each.container_port] == [5000]
    error_message = "Port 5000."
  }

  assert {
    condition     = [for each in aws_ecs_service.app.capacity_provider_strategy : each.capacity_provider] == ["FARGATE"]
    error_message = "On demand, unless told otherwise."
  }

  assert {
    condition     = !aws_ecs_service.app.enable_execute_command
    error_message = "No shell, unless told otherwise."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer.from_port == 5000 && aws_vpc_security_group_ingress_rule.load_balancer.referenced_security_group_id == "sg-1"
    error_message = "Only the load balancer comes in, on port 5000."
  }
}

run "task" {
  command = apply

  assert {
    condition     = aws_ecs_task_definition.app.runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "Graviton."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.app.container_definitions)[0].stopTimeout == 90
    error_message = "A task has 90 s to drain."
  }

  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.app.container_definitions)[0].environment, { name = "DRAIN_SECONDS", value = "15" })
    error_message = "A task serves on while the load balancer takes it out."
  }

  assert {
    condition     = alltrue([for each in jsondecode(aws_ecs_task_definition.app.container_definitions) : each.readonlyRootFilesystem])
    error_message = "No container writes to its root."
  }

  assert {
    condition     = length(setintersection([for each in jsondecode(aws_ecs_task_definition.app.container_definitions)[0].environment : each.name], keys(var.secrets))) == 0
    error_message = "No secret is a plain variable."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.migrate.container_definitions)[0].command == ["python", "manage.py", "migrate", "--noinput"]
    error_message = "Migrations are a task of their own."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.migrate.container_definitions)[0].environment == jsondecode(aws_ecs_task_definition.app.container_definitions)[0].environment
    error_message = "A migration sees what the product sees."
  }

  assert {
    condition     = alltrue([for each in aws_cloudwatch_log_group.main : each.retention_in_days > 0 && each.kms_key_id != null])
    error_message = "Logs end, and are encrypted."
  }
}

run "least_privilege" {
  command = plan

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.task.statement : !contains(statement.resources, "*")])
    error_message = "The product may touch nothing but what is named."
  }

  assert {
    condition     = data.aws_iam_policy_document.task.statement[0].resources == toset([for pattern in var.object_patterns : "arn:aws:s3:::nocturnal-files/${pattern}"])
    error_message = "Of the bucket it may touch its own prefixes."
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.start.statement : statement.resources if statement.sid == "ReadTheSecrets"][0] == toset(values(var.secrets))
    error_message = "A task is given its own secrets and no others."
  }
}

run "staging_on_spot" {
  command = plan

  variables {
    spot_share = 4
  }

  assert {
    condition     = toset([for each in aws_ecs_service.app.capacity_provider_strategy : "${each.capacity_provider} ${coalesce(each.base, 0)} ${each.weight}"]) == toset(["FARGATE 1 0", "FARGATE_SPOT 0 4"])
    error_message = "All but the first run on Spot."
  }
}

run "refuses_secrets_among_plain_variables" {
  command = plan

  variables {
    environment = { SECRET_KEY = "in the open" }
  }

  expect_failures = [var.environment]
}

run "refuses_latest" {
  command = plan

  variables {
    image = "nocturnal:latest"
  }

  expect_failures = [var.image]
}

run "refuses_a_whole_bucket" {
  command = plan

  variables {
    object_patterns = ["*"]
  }

  expect_failures = [var.object_patterns]
}
