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
  auth_token               = "abcdefghijklmnopqrstuvwxyz012345"
}

run "replication_group" {
  command = apply

  assert {
    condition     = aws_elasticache_replication_group.main.num_cache_clusters == 2 && aws_elasticache_replication_group.main.automatic_failover_enabled && aws_elasticache_replication_group.main.multi_az_enabled
    error_message = "A replica in another zone takes over."
  }

  assert {
    condition     = aws_elasticache_replication_group.main.transit_encryption_enabled && aws_elasticache_replication_group.main.transit_encryption_mode == "required"
    error_message = "TLS only."
  }

  assert {
    condition     = aws_elasticache_replication_group.main.at_rest_encryption_enabled && aws_elasticache_replication_group.main.kms_key_id == var.kms_key_arn
    error_message = "Encrypted at rest."
  }

  assert {
    condition     = aws_elasticache_replication_group.main.auth_token == var.auth_token
    error_message = "A password."
  }

  assert {
    condition     = toset([for each in aws_elasticache_parameter_group.main.parameter : "${each.name}=${each.value}"]) == toset(["cluster-enabled=no", "maxmemory-policy=noeviction"])
    error_message = "Cluster mode off, and nothing is evicted."
  }

  assert {
    condition     = startswith(output.url, "rediss://") && !strcontains(output.url, "@")
    error_message = "TLS, and no password in what is not secret."
  }

  assert {
    condition     = join(",", output.node_ids) == "nocturnal-001,nocturnal-002"
    error_message = "Alarms name the nodes."
  }
}

run "one_node_cannot_fail_over" {
  command = plan

  variables {
    node_count = 1
  }

  expect_failures = [var.node_count]
}
