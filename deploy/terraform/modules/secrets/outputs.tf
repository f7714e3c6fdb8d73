output "kms_key_arn" {
  description = "The key that encrypts everything of this environment at rest."
  value       = aws_kms_key.main.arn
}

output "arns" {
  description = "The secrets that tasks are given, by variable."
  value = merge(
    { for name in ["SECRET_KEY", "JWT_SECRET", "REDIS_PASSWORD"] : name => aws_secretsmanager_secret.made[name].arn },
    { MONGODB_URI = aws_secretsmanager_secret.mongodb_uri.arn },
  )

  # A task whose secret has no value yet does not start.
  depends_on = [aws_secretsmanager_secret_version.made, aws_secretsmanager_secret_version.mongodb_uri]
}

output "database_password" {
  description = "For the database module."
  sensitive   = true
  value       = aws_secretsmanager_secret_version.made["database"].secret_string
}

output "redis_password" {
  description = "For the cache module."
  sensitive   = true
  value       = aws_secretsmanager_secret_version.made["REDIS_PASSWORD"].secret_string
}
