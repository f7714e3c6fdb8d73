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
  name        = "nocturnal"
  zones       = ["us-east-1a", "us-east-1b", "us-east-1c"]
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
}

run "production" {
  command = plan

  assert {
    condition     = length(aws_subnet.public) == 3 && length(aws_subnet.private) == 3 && length(aws_subnet.isolated) == 3
    error_message = "Each zone has three subnets."
  }

  assert {
    condition     = length(distinct(concat([for each in aws_subnet.public : each.cidr_block], [for each in aws_subnet.private : each.cidr_block], [for each in aws_subnet.isolated : each.cidr_block]))) == 9
    error_message = "No two subnets overlap."
  }

  assert {
    condition     = length(aws_nat_gateway.main) == 3
    error_message = "Each zone has its own NAT gateway."
  }

  assert {
    condition     = alltrue([for each in aws_subnet.public : !each.map_public_ip_on_launch])
    error_message = "Nothing gets a public address by itself."
  }

  assert {
    condition     = aws_vpc_endpoint.s3.service_name == "com.amazonaws.us-east-1.s3" && aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
    error_message = "S3 is reached past NAT."
  }

  assert {
    condition     = length(aws_route_table_association.isolated) == 3 && length(aws_route.nat) == 3
    error_message = "Data has no way out, tasks have."
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow.retention_in_days > 0
    error_message = "Flow logs end."
  }
}

run "staging" {
  command = plan

  variables {
    zones        = ["us-east-1a", "us-east-1b"]
    nat_per_zone = false
  }

  assert {
    condition     = length(aws_nat_gateway.main) == 1 && length(aws_route.nat) == 2
    error_message = "One NAT gateway serves both zones."
  }
}

run "one_zone" {
  command = plan

  variables {
    zones = ["us-east-1a"]
  }

  expect_failures = [var.zones]
}
