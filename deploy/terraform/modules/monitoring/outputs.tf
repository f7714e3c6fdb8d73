output "topic_arn" {
  description = "Where alarms are told: subscribe whom you like."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard" {
  description = "The dashboard's page."
  value       = "https://${data.aws_region.current.name}.console.aws.amazon.com/cloudwatch/home?region=${data.aws_region.current.name}#dashboards/dashboard/${aws_cloudwatch_dashboard.main.dashboard_name}"
}
