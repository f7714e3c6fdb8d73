# What production promises, asked of the plan: no account, no call, no cost. Run by `terraform test`.

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

mock_provider "aws" {
  alias = "replica"

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Statement\":[]}" }
  }
}

variables {
  domain_name = "api.example.com"
  zone_id     = "Z0123456789ABCDEFGHIJ"
  image       = "123456789012.dkr.ecr.us-east-1.amazonaws.com/nocturnal:1.0.0"
}

run "plan" {
  command = plan

  assert {
    condition     = length(module.platform.names) == 3
    error_message = "nocturnal-app, mongodb and redis have names in nocturnal.local."
  }

  assert {
    condition     = length(output.nat_addresses) == 3
    error_message = "The loss of a zone takes the way out from no other."
  }

  assert {
    condition     = output.url == "https://api.example.com"
    error_message = "Clients call https."
  }
}

run "refuses_an_image_that_moves" {
  command = plan

  variables {
    image = "nocturnal"
  }

  expect_failures = [var.image]
}

run "refuses_one_zone" {
  command = plan

  variables {
    zones = ["us-east-1a"]
  }

  expect_failures = [var.zones]
}

run "refuses_a_copy_in_the_same_region" {
  command = plan

  variables {
    replica_region = "us-east-1"
  }

  expect_failures = [var.replica_region]
}

run "somebody_elses_mongodb" {
  command = plan

  variables {
    mongodb_uri = "mongodb+srv://nocturnal:password@cluster0.example.mongodb.net/nocturnal"
  }

  assert {
    condition     = toset(output.names) == toset(["nocturnal-app.nocturnal.local", "redis.nocturnal.local"])
    error_message = "DocumentDB is not made, and has no name."
  }
}
