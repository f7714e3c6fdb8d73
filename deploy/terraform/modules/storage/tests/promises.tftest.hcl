mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Statement\":[]}" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/1" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::nocturnal-files" }
  }
}

mock_provider "aws" {
  alias = "replica"

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::nocturnal-files-replica" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-west-2:123456789012:key/2" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Statement\":[]}" }
  }
}

variables {
  name            = "nocturnal"
  kms_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/1"
  allowed_origins = ["https://api.example.com"]
}

run "bucket" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.files.versioning_configuration[0].status == "Enabled"
    error_message = "Versioned."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_server_side_encryption_configuration.files.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm] == ["aws:kms"]
    error_message = "Encrypted by the environment's key."
  }

  assert {
    condition = alltrue([for each in [aws_s3_bucket_public_access_block.files, aws_s3_bucket_public_access_block.logs] :
      each.block_public_acls && each.block_public_policy && each.ignore_public_acls && each.restrict_public_buckets
    ])
    error_message = "Nothing is public."
  }

  assert {
    condition = alltrue([for each in data.aws_iam_policy_document.tls_only : anytrue([
      for statement in each.statement : statement.effect == "Deny" && anytrue([for condition in statement.condition : condition.variable == "aws:SecureTransport" && condition.values == tolist(["false"])])
    ])])
    error_message = "Without TLS everything is denied."
  }

  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.files.rule : anytrue([for each in rule.transition : each.storage_class == "INTELLIGENT_TIERING" && each.days == 0])])
    error_message = "Intelligent-Tiering from the first day."
  }

  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.files.rule : try(rule.filter[0].prefix, "") == "staging/" && try(rule.expiration[0].days, 0) == 2])
    error_message = "What was never completed goes after two days."
  }

  assert {
    condition     = tolist(aws_s3_bucket_cors_configuration.files[0].cors_rule)[0].allowed_origins == toset(["https://api.example.com"])
    error_message = "Only our pages' origins."
  }

  assert {
    condition     = length(aws_s3_bucket.replica) == 0
    error_message = "No copy unless asked for."
  }
}

run "copied_to_another_region" {
  command = apply

  variables {
    replicate = true
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.files["replica"].rule[0].status == "Enabled" && aws_s3_bucket_versioning.replica["replica"].versioning_configuration[0].status == "Enabled"
    error_message = "Every object is copied."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.replica["replica"].restrict_public_buckets
    error_message = "The copy is private, too."
  }
}

run "any_origin_is_refused" {
  command = plan

  variables {
    allowed_origins = ["*"]
  }

  expect_failures = [var.allowed_origins]
}
