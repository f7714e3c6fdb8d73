# What runs: the application, and the migration that goes before it. Same image, same variables.

data "aws_region" "current" {}

locals {
  # A task is told to end at the moment when the load balancer begins to take it out, which takes some seconds.
  variables = merge({ DRAIN_SECONDS = "15" }, var.environment, {
    BIND_ADDRESS = "0.0.0.0"
    PORT         = "5000"
    DATA_DIR     = "/tmp/nocturnal"
  })
  # By name, so that a plan differs only where something does.
  environment = [for name in sort(keys(local.variables)) : { name = name, value = local.variables[name] }]
  secrets     = [for name in sort(keys(var.secrets)) : { name = name, valueFrom = var.secrets[name] }]

  logging = { for stream in ["app", "migrate"] : stream => {
    logDriver = "awslogs"
    options = {
      "awslogs-group"         = aws_cloudwatch_log_group.main[stream].name
      "awslogs-region"        = data.aws_region.current.name
      "awslogs-stream-prefix" = stream
      "mode"                  = "non-blocking" # a log that is slow must not hold requests up
      "max-buffer-size"       = "8m"
    }
  } }

  # The image's user may not write into a volume that Fargate made.
  scratch = {
    name                   = "scratch"
    image                  = var.image
    essential              = false
    user                   = "0"
    entryPoint             = ["chmod"]
    command                = ["1777", "/tmp"]
    readonlyRootFilesystem = true
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    logConfiguration       = local.logging["app"]
  }

  container = {
    image                  = var.image
    essential              = true
    readonlyRootFilesystem = true
    environment            = local.environment
    secrets                = local.secrets
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    dependsOn              = [{ containerName = "scratch", condition = "SUCCESS" }]
    linuxParameters        = { initProcessEnabled = true }
    ulimits                = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
  }

  app = merge(local.container, {
    name             = "app"
    stopTimeout      = var.stop_timeout_seconds
    portMappings     = [{ containerPort = 5000, hostPort = 5000, protocol = "tcp" }]
    logConfiguration = local.logging["app"]

    # Whether the process answers. It looks at nothing else: a new task mends no database.
    healthCheck = {
      command = [
        "CMD", "python", "-c",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/api/health/live', timeout=4)"
      ]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
  })

  migrate = merge(local.container, {
    name             = "migrate"
    command          = ["python", "manage.py", "migrate", "--noinput"]
    logConfiguration = local.logging["migrate"]
  })
}

resource "aws_cloudwatch_log_group" "main" {
  for_each = toset(["app", "migrate"])

  name              = "/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_ecs_task_definition" "app" {
  family                   = "${var.name}-app"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory_mib
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([local.app, local.scratch])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  volume {
    name = "tmp"
  }
}

resource "aws_ecs_task_definition" "migrate" {
  family                   = "${var.name}-migrate"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory_mib
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([local.migrate, local.scratch])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  volume {
    name = "tmp"
  }
}
