output "security_group_id" {
  description = "The tasks': DocumentDB and Redis let it in."
  value       = aws_security_group.app.id
}

output "cluster_name" {
  description = "The cluster."
  value       = aws_ecs_cluster.main.name
}

output "service_name" {
  description = "The service."
  value       = aws_ecs_service.app.name
}

output "migrate_task_definition" {
  description = "What to run before a roll."
  value       = aws_ecs_task_definition.migrate.arn
}

output "migrate_network" {
  description = "Where to run it, as aws ecs run-task takes it."
  value       = "awsvpcConfiguration={subnets=[${join(",", var.subnet_ids)}],securityGroups=[${aws_security_group.app.id}],assignPublicIp=DISABLED}"
}

output "task_definition" {
  description = "What the service runs."
  value       = aws_ecs_task_definition.app.arn
}

output "log_groups" {
  description = "Where the lines are."
  value       = { for name, group in aws_cloudwatch_log_group.main : name => group.name }
}
