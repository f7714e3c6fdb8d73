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

  mock_data "aws_secretsmanager_random_password" {
    defaults = { random_password = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKL" }
  }
}

variables {
  name        = "nocturnal"
  mongodb_uri = "mongodb://user:password@host:27017/nocturnal?tls=true"
}

run "secrets" {
  command = plan

  assert {
    condition     = toset(keys(aws_secretsmanager_secret.made)) == toset(["SECRET_KEY", "JWT_SECRET", "REDIS_PASSWORD", "database"])
    error_message = "Made here, once."
  }

  assert {
    condition     = alltrue([for each in data.aws_secretsmanager_random_password.made : each.password_length >= 50 && each.exclude_punctuation])
    error_message = "Long, and fit for a URI."
  }

  assert {
    condition     = aws_kms_key.main.enable_key_rotation && aws_kms_key.main.deletion_window_in_days == 30
    error_message = "The key is renewed every year, and can be brought back for 30 days."
  }

  assert {
    condition     = length(aws_secretsmanager_secret_rotation.made) == 0
    error_message = "Nothing rotates without a function."
  }
}

run "rotation" {
  command = plan

  variables {
    rotation_lambda_arns = { SECRET_KEY = "arn:aws:lambda:us-east-1:123456789012:function:rotate" }
  }

  assert {
    condition     = aws_secretsmanager_secret_rotation.made["SECRET_KEY"].rotation_rules[0].automatically_after_days == 90
    error_message = "A given function is called every 90 days."
  }
}

run "a_misspelt_secret_is_refused" {
  command = plan

  variables {
    rotation_lambda_arns = { SECRETKEY = "arn:aws:lambda:us-east-1:123456789012:function:rotate" }
  }

  expect_failures = [var.rotation_lambda_arns]
}
