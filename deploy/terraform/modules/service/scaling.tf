# More tasks within half a minute, fewer one look at a time, five minutes apart.

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
