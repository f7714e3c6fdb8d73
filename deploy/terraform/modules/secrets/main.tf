# The environment's key, and the secrets that are made here: by Secrets Manager itself, once, so that none is in a file.
# What is made is in Terraform's state too, because ElastiCache and DocumentDB are told their passwords: the state's
# bucket is encrypted and private (bootstrap/), and is to be guarded like the secrets.

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  made = toset(["SECRET_KEY", "JWT_SECRET", "REDIS_PASSWORD", "database"])
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:a key's policy speaks of this key alone, and without the account's root nobody could administer it
  # checkov:skip=CKV_AWS_111:a key's policy speaks of this key alone, and without the account's root nobody could administer it
  # checkov:skip=CKV_AWS_356:a key's policy speaks of this key alone, and without the account's root nobody could administer it
  statement {
    sid       = "AccountDecidesByIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  statement {
    sid       = "LogsOfThisAccount"
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${data.aws_region.current.name}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:aws:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:log-group:*"]
    }
  }

  statement {
    sid       = "AlarmsToTheTopic"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_kms_key" "main" {
  description             = "Everything that ${var.name} keeps at rest"
  enable_key_rotation     = true
  deletion_window_in_days = max(var.recovery_days, 7)
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "main" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.main.key_id
}

# Letters and digits only: one of them stands in a URI. 64 of these are 380 bits, and Django asks for 50 characters.
data "aws_secretsmanager_random_password" "made" {
  for_each = local.made

  password_length     = 64
  exclude_punctuation = true
  include_space       = false
}

resource "aws_secretsmanager_secret" "made" {
  # checkov:skip=CKV2_AWS_57:rotation needs a function of the operator's, given by rotation_lambda_arns; without one nothing can rotate
  for_each = local.made

  name                    = "${var.name}/${each.key}"
  description             = "Made by Terraform; ${each.key} of ${var.name}"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "made" {
  for_each = local.made

  secret_id     = aws_secretsmanager_secret.made[each.key].id
  secret_string = data.aws_secretsmanager_random_password.made[each.key].random_password

  # Each reading of the data source makes another one; the first is the one that counts, until it is rotated.
  lifecycle {
    ignore_changes = [secret_string]
  }
}

resource "aws_secretsmanager_secret" "mongodb_uri" {
  # checkov:skip=CKV2_AWS_57:it follows the password of the database, and is written again by the next apply
  name                    = "${var.name}/MONGODB_URI"
  description             = "Where the records are, with user and password, of ${var.name}"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "mongodb_uri" {
  secret_id     = aws_secretsmanager_secret.mongodb_uri.id
  secret_string = var.mongodb_uri
}

resource "aws_secretsmanager_secret_rotation" "made" {
  for_each = var.rotation_lambda_arns

  secret_id           = aws_secretsmanager_secret.made[each.key].id
  rotation_lambda_arn = each.value

  rotation_rules {
    automatically_after_days = var.rotation_days
  }
}
