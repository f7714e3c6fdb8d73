output "bucket" {
  description = "S3_BUCKET."
  value       = aws_s3_bucket.files.id
}

output "bucket_arn" {
  description = "The bucket, as policies name it."
  value       = aws_s3_bucket.files.arn
}

output "staging_prefix" {
  description = "Where unverified files lie."
  value       = var.staging_prefix
}

output "log_bucket" {
  description = "Where access logs go."
  value       = aws_s3_bucket_policy.logs.bucket
}
