# More tasks fast, fewer slowly. Tracking a target takes three minutes to add and fifteen to take away, one look at a
# time and five minutes apart; a burst is not waited out: two minutes of CPU above the target double the tasks, by two at
# least. There is no counterpart that halves them: it would not ask whether memory or requests still need them.

locals {
  out_seconds = 30
  in_seconds  = 300
  targets = {
    cpu      = { metric = "ECSServiceAverageCPUUtilization", value = 70, label = null }
    memory   = { metric = "ECSServiceAverageMemoryUtilization", value = 80, label = null }
    requests = { metric = "ALBRequestCountPerTarget", value = var.requests_per_task, label = "${var.scaling_label.load_balancer}/${var.scaling_label.target_group}" }
  }
}

resource "aws_appautoscaling_target" "app" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.app.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.minimum
  max_capacity       = var.maximum
}

resource "aws_appautoscaling_policy" "app" {
  for_each = local.targets

  name               = "${var.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.app.service_namespace
  resource_id        = aws_appautoscaling_target.app.resource_id
  scalable_dimension = aws_appautoscaling_target.app.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.value
    scale_out_cooldown = local.out_seconds
    scale_in_cooldown  = local.in_seconds

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
      resource_label         = each.value.label
    }
  }
}

resource "aws_appautoscaling_policy" "burst" {
  name               = "${var.name}-burst"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.app.service_namespace
  resource_id        = aws_appautoscaling_target.app.resource_id
  scalable_dimension = aws_appautoscaling_target.app.scalable_dimension

  step_scaling_policy_configuration {
    adjustment_type          = "PercentChangeInCapacity"
    cooldown                 = local.out_seconds
    metric_aggregation_type  = "Average"
    min_adjustment_magnitude = 2

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 100
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "burst" {
  alarm_name          = "${var.name}-burst"
  alarm_description   = "Doubles the tasks. Nobody is told: the alarm at-the-maximum is."
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  statistic           = "Average"
  dimensions          = { ClusterName = aws_ecs_cluster.main.name, ServiceName = aws_ecs_service.app.name }
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.targets["cpu"].value
  period              = 60
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.burst.arn]
}

resource "aws_appautoscaling_scheduled_action" "bounds" {
  for_each = var.schedule

  name               = "${var.name}-${each.key}"
  service_namespace  = aws_appautoscaling_target.app.service_namespace
  resource_id        = aws_appautoscaling_target.app.resource_id
  scalable_dimension = aws_appautoscaling_target.app.scalable_dimension
  schedule           = "cron(${each.value.cron})"

  scalable_target_action {
    min_capacity = each.value.minimum
    max_capacity = each.value.maximum
  }
}
