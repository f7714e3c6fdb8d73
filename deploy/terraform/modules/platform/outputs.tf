output "url" {
  description = "Where clients call."
  value       = "https://${var.domain_name}"
}

output "load_balancer_dns_name" {
  description = "Where domain_name must lead, when no zone is given."
  value       = module.load_balancer.dns_name
}

output "cluster" {
  description = "The ECS cluster."
  value       = module.service.cluster_name
}

output "service" {
  description = "The ECS service."
  value       = module.service.service_name
}

output "task_definition" {
  description = "What the service runs."
  value       = module.service.task_definition
}

output "migrate_task_definition" {
  description = "What to run before a roll."
  value       = module.service.migrate_task_definition
}

output "migrate_network" {
  description = "Where to run it."
  value       = module.service.migrate_network
}

output "log_groups" {
  description = "Where the lines are."
  value       = module.service.log_groups
}

output "bucket" {
  description = "The files."
  value       = module.storage.bucket
}

output "names" {
  description = "What the VPC resolves."
  value       = module.discovery.names
}

output "nat_addresses" {
  description = "Where outgoing connections come from."
  value       = module.network.nat_addresses
}

output "alarm_topic" {
  description = "Where alarms are told."
  value       = module.monitoring.topic_arn
}

output "dashboard" {
  description = "The dashboard's page."
  value       = module.monitoring.dashboard
}
