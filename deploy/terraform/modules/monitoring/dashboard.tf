locals {
  widgets = [
    {
      title = "Tasks", stat = "Average", series = [
        ["ECS/ContainerInsights", "RunningTaskCount", local.service],
        ["ECS/ContainerInsights", "DesiredTaskCount", local.service],
      ]
    },
    { title = "Requests", stat = "Sum", series = [["AWS/ApplicationELB", "RequestCount", local.target]] },
    { title = "Requests a task", stat = "Sum", series = [["AWS/ApplicationELB", "RequestCountPerTarget", local.target]] },
    { title = "Slowest twentieth, s", stat = "p95", series = [["AWS/ApplicationELB", "TargetResponseTime", local.target]] },
    {
      title = "Answers", stat = "Sum", series = [
        for kind in ["2XX", "4XX", "5XX"] : ["AWS/ApplicationELB", "HTTPCode_Target_${kind}_Count", local.target]
      ]
    },
    {
      title = "CPU and memory of tasks, %", stat = "Average", series = [
        ["AWS/ECS", "CPUUtilization", local.service],
        ["AWS/ECS", "MemoryUtilization", local.service],
      ]
    },
    {
      title = "Targets", stat = "Minimum", series = [
        ["AWS/ApplicationELB", "HealthyHostCount", local.target],
        ["AWS/ApplicationELB", "UnHealthyHostCount", local.target],
      ]
    },
    {
      title = "Redis, CPU %", stat = "Average", series = [
        for node in var.cache_nodes : ["AWS/ElastiCache", "EngineCPUUtilization", { CacheClusterId = node }]
      ]
    },
    {
      title = "Redis, memory %", stat = "Average", series = [
        for node in var.cache_nodes : ["AWS/ElastiCache", "DatabaseMemoryUsagePercentage", { CacheClusterId = node }]
      ]
    },
    {
      title = "Refused by the firewall", stat = "Sum", series = [
        ["AWS/WAFV2", "BlockedRequests", local.firewall]
      ]
    },
  ]
  database_widgets = [
    for each in [
      { title = "Database, CPU %", stat = "Average", series = [["AWS/DocDB", "CPUUtilization", local.database]] },
      { title = "Database, connections", stat = "Maximum", series = [["AWS/DocDB", "DatabaseConnections", local.database]] },
    ] : each if var.database_cluster != null
  ]
}

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [for index, widget in concat(local.widgets, local.database_widgets) : {
      type   = "metric"
      x      = 8 * (index % 3)
      y      = 6 * floor(index / 3)
      width  = 8
      height = 6
      properties = {
        title   = widget.title
        region  = data.aws_region.current.name
        view    = "timeSeries"
        stat    = widget.stat
        period  = 60
        metrics = [for each in widget.series : concat([each[0], each[1]], flatten([for key, value in each[2] : [key, value]]))]
      }
    }]
  })
}
