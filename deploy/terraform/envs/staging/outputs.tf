output "url" {
  description = "Where clients call."
  value       = module.platform.url
}

output "load_balancer_dns_name" {
  description = "Where domain_name must lead, when no zone is given."
  value       = module.platform.load_balancer_dns_name
}

output "cluster" {
  description = "The ECS cluster."
  value       = module.platform.cluster
}

output "service" {
  description = "The ECS service."
  value       = module.platform.service
}

output "task_definition" {
  description = "What the service runs."
  value       = module.platform.task_definition
}

output "migrate_task_definition" {
  description = "What to run before a roll."
  value       = module.platform.migrate_task_definition
}

output "migrate_network" {
  description = "Where to run it."
  value       = module.platform.migrate_network
}

output "log_groups" {
  description = "Where the lines are."
  value       = module.platform.log_groups
}

output "bucket" {
  description = "The files."
  value       = module.platform.bucket
}

output "names" {
  description = "What the VPC resolves."
  value       = module.platform.names
}

output "nat_addresses" {
  description = "Where outgoing connections come from."
  value       = module.platform.nat_addresses
}

output "alarm_topic" {
  description = "Where alarms are told."
  value       = module.platform.alarm_topic
}

output "dashboard" {
  description = "The dashboard's page."
  value       = module.platform.dashboard
}
