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

}

variables {
  name                     = "nocturnal"
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-1", "subnet-2", "subnet-3"]
  client_security_group_id = "sg-1"
  kms_key_arn              = "arn:aws:kms:us-east-1:123456789012:key/1"
  master_password          = "abcdefghijklmnopqrstuvwxyz012345"
}

run "cluster" {
  command = apply

  assert {
    condition     = aws_docdb_cluster.main.engine == "docdb" && startswith(aws_docdb_cluster.main.engine_version, "8.0.") && aws_docdb_cluster_parameter_group.main.family == "docdb8.0"
    error_message = "DocumentDB 8.0."
  }

  assert {
    condition     = length(aws_docdb_cluster_instance.main) == 3
    error_message = "Three instances."
  }

  assert {
    condition     = aws_docdb_cluster.main.storage_encrypted && aws_docdb_cluster.main.kms_key_id == var.kms_key_arn
    error_message = "Encrypted by the environment's key."
  }

  assert {
    condition     = contains([for each in aws_docdb_cluster_parameter_group.main.parameter : "${each.name}=${each.value}"], "tls=enabled")
    error_message = "TLS only."
  }

  assert {
    condition     = aws_docdb_cluster.main.backup_retention_period == 14 && aws_docdb_cluster.main.deletion_protection && !aws_docdb_cluster.main.skip_final_snapshot
    error_message = "Backups, and a guard against removal."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.tasks.referenced_security_group_id == "sg-1" && aws_vpc_security_group_ingress_rule.tasks.from_port == 27017
    error_message = "Only tasks come in."
  }

  assert {
    condition     = strcontains(output.uri, "tls=true") && strcontains(output.uri, "tlsCAFile=/") && strcontains(output.uri, "replicaSet=rs0") && !strcontains(output.uri, "readPreference")
    error_message = "The URI asks for TLS with Amazon's certificates, and reads where it writes."
  }
}

run "an_older_engine_is_refused" {
  command = plan

  variables {
    engine_version = "5.0.0"
  }

  expect_failures = [var.engine_version]
}

run "a_password_that_breaks_a_uri_is_refused" {
  command = plan

  variables {
    master_password = "p@ssword/with:signs!"
  }

  expect_failures = [var.master_password]
}
