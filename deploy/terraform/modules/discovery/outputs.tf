output "app_service_arn" {
  description = "Where ECS registers the tasks."
  value       = aws_service_discovery_service.app.arn
}

output "names" {
  description = "The names that the VPC resolves."
  value       = [for name in concat(["nocturnal-app"], keys(var.hosts)) : "${name}.${var.namespace}"]
}
