# What staging promises, asked of the plan: no account, no call, no cost. Run by `terraform test`.

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
  domain_name = "staging.example.com"
  zone_id     = "Z0123456789ABCDEFGHIJ"
  image       = "123456789012.dkr.ecr.us-east-1.amazonaws.com/nocturnal:1.0.0"
}

run "plan" {
  command = plan

  assert {
    condition     = output.url == "https://staging.example.com"
    error_message = "Clients call https."
  }

  assert {
    condition     = length(output.nat_addresses) == 1
    error_message = "One NAT gateway, to save."
  }

  assert {
    condition     = output.log_groups == { app = "/nocturnal-staging/app", migrate = "/nocturnal-staging/migrate" }
    error_message = "Nothing of it has a name of production's."
  }
}

run "refuses_an_image_that_moves" {
  command = plan

  variables {
    image = "nocturnal"
  }

  expect_failures = [var.image]
}
