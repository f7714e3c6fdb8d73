output "endpoint" {
  description = "The cluster's own name, which its certificate carries."
  value       = aws_docdb_cluster.main.endpoint
}

output "cluster_identifier" {
  description = "The cluster, as alarms and restores name it."
  value       = aws_docdb_cluster.main.cluster_identifier
}

output "uri" {
  description = "MONGODB_URI for the cluster, with ca_file in it."
  sensitive   = true
  value       = "mongodb://${var.master_username}:${var.master_password}@${aws_docdb_cluster.main.endpoint}:27017/nocturnal?tls=true&tlsCAFile=${var.ca_file}&replicaSet=rs0"
}
