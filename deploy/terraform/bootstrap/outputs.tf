output "state_bucket" {
  description = "bucket of backend.hcl."
  value       = aws_s3_bucket.state.id
}

output "state_key_arn" {
  description = "kms_key_id of backend.hcl."
  value       = aws_kms_key.main.arn
}

output "repository_url" {
  description = "Where images are pushed."
  value       = aws_ecr_repository.app.repository_url
}
