# What is looked at, the threshold, for how many minutes it must be crossed, and what to do then. The first word of
# `crossed` is the comparison; `missing` is what no figures mean.

locals {
  balancer = { LoadBalancer = var.load_balancer.load_balancer }
  target   = merge(local.balancer, { TargetGroup = var.load_balancer.target_group })
  service  = { ClusterName = var.service.cluster, ServiceName = var.service.service }
  database = { DBClusterIdentifier = var.database_cluster }
  firewall = { WebACL = var.load_balancer.firewall, Rule = "ALL", Region = data.aws_region.current.name }

  service_alarms = {
    no-healthy-target = {
      of      = "AWS/ApplicationELB HealthyHostCount Minimum", in = local.target, crossed = ["below", 1], minutes = 1,
      missing = "breaching", text = "No task serves. Look at the log of the tasks and at the database."
    }
    unhealthy-targets = {
      of      = "AWS/ApplicationELB UnHealthyHostCount Maximum", in = local.target, crossed = ["above", 0], minutes = 5,
      missing = "notBreaching", text = "A task is not ready for five minutes. Its log says why."
    }
    errors-of-tasks = {
      of      = "AWS/ApplicationELB HTTPCode_Target_5XX_Count Sum", in = local.target, crossed = ["above", 10], minutes = 5,
      missing = "notBreaching", text = "Tasks answer 5xx. Look for level error in the log."
    }
    errors-of-balancer = {
      of      = "AWS/ApplicationELB HTTPCode_ELB_5XX_Count Sum", in = local.balancer, crossed = ["above", 10], minutes = 5,
      missing = "notBreaching", text = "The load balancer found no task that answers in time."
    }
    slow = {
      of      = "AWS/ApplicationELB TargetResponseTime p95", in = local.target, crossed = ["above", var.latency_seconds],
      minutes = 5, missing = "notBreaching", text = "One request in twenty is slow. Compare CPU of tasks, database and Redis."
    }
    few-tasks = {
      of      = "ECS/ContainerInsights RunningTaskCount Minimum", in = local.service, crossed = ["below", var.service.minimum],
      minutes = 10, missing = "breaching", text = "Fewer tasks than the minimum. The events of the service say why they do not start."
    }
    at-the-maximum = {
      of      = "ECS/ContainerInsights RunningTaskCount Minimum", in = local.service, crossed = ["above", var.service.maximum - 1],
      minutes = 15, missing = "notBreaching", text = "As many tasks as are allowed. Raise the maximum, or find who asks so much."
    }
    cpu = {
      of      = "AWS/ECS CPUUtilization Average", in = local.service, crossed = ["above", 85], minutes = 10,
      missing = "notBreaching", text = "Tasks stay busy although more were started."
    }
    memory = {
      of      = "AWS/ECS MemoryUtilization Average", in = local.service, crossed = ["above", 90], minutes = 10,
      missing = "notBreaching", text = "Tasks are about to run out of memory."
    }
    floods = {
      of      = "AWS/WAFV2 BlockedRequests Sum", in = local.firewall, crossed = ["above", 1000], minutes = 5,
      missing = "notBreaching", text = "The firewall refuses many requests. Its log says whose."
    }
    errors-logged = {
      of      = "Nocturnal ${var.name}-errors Sum", in = {}, crossed = ["above", 10], minutes = 5,
      missing = "notBreaching", text = "The product logs errors."
    }
  }

  cache_metrics = {
    cpu    = { of = "EngineCPUUtilization Average", above = 80, text = "Redis, one thread, is nearly full. Take a larger node type." }
    memory = { of = "DatabaseMemoryUsagePercentage Average", above = 80, text = "Redis refuses writes when full. Take a larger node type." }
    lag    = { of = "ReplicationLag Maximum", above = 10, text = "A failover now would forget the last seconds." }
  }

  cache_alarms = merge([for node in var.cache_nodes : {
    for name, each in local.cache_metrics : "redis-${name}-${node}" => {
      of      = "AWS/ElastiCache ${each.of}", in = { CacheClusterId = node }, crossed = ["above", each.above], minutes = 5,
      missing = "notBreaching", text = each.text
    }
  }]...)

  database_metrics = {
    cpu         = { of = "CPUUtilization Average", crossed = ["above", 80], text = "The database is busy. Look at the profiler's log, then at a larger class." }
    memory      = { of = "FreeableMemory Minimum", crossed = ["below", 268435456], text = "Less than 256 MB are free. Take a larger class." }
    connections = { of = "DatabaseConnections Maximum", crossed = ["above", 20 * var.service.maximum], text = "More than twice the connections that all tasks may hold (10 each)." }
    lag         = { of = "DBClusterReplicaLagMaximum Maximum", crossed = ["above", 5000], text = "A replica is five seconds behind." }
  }

  database_alarms = {
    for name, each in local.database_metrics : "database-${name}" => {
      of      = "AWS/DocDB ${each.of}", in = local.database, crossed = each.crossed, minutes = 10,
      missing = "notBreaching", text = each.text
    } if var.database_cluster != null
  }
}

resource "aws_cloudwatch_metric_alarm" "every" {
  for_each = merge(local.service_alarms, local.cache_alarms, local.database_alarms)

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = split(" ", each.value.of)[0]
  metric_name         = split(" ", each.value.of)[1]
  statistic           = startswith(split(" ", each.value.of)[2], "p") ? null : split(" ", each.value.of)[2]
  extended_statistic  = startswith(split(" ", each.value.of)[2], "p") ? split(" ", each.value.of)[2] : null
  dimensions          = each.value.in
  comparison_operator = each.value.crossed[0] == "above" ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.crossed[1]
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
