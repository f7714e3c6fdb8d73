output "endpoint" {
  description = "The primary's name, which follows it after a failover and which its certificate carries."
  value       = aws_elasticache_replication_group.main.primary_endpoint_address
}

output "url" {
  description = "REDIS_URL, without the password: that is REDIS_PASSWORD."
  value       = "rediss://${aws_elasticache_replication_group.main.primary_endpoint_address}:6379/0"
}

output "node_ids" {
  description = "The nodes, as alarms name them."
  value       = [for number in range(var.node_count) : format("%s-%03d", var.name, number + 1)]
}
