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
  name   = "nocturnal"
  vpc_id = "vpc-1"
  hosts  = { mongodb = "nocturnal.cluster-1.us-east-1.docdb.amazonaws.com", redis = "master.nocturnal.1.use1.cache.amazonaws.com" }
}

run "names" {
  command = plan

  assert {
    condition     = toset(output.names) == toset(["nocturnal-app.nocturnal.local", "mongodb.nocturnal.local", "redis.nocturnal.local"])
    error_message = "The names that documents use."
  }

  assert {
    condition     = aws_service_discovery_service.app.dns_config[0].routing_policy == "MULTIVALUE" && aws_service_discovery_service.app.dns_config[0].dns_records[0].type == "A" && aws_service_discovery_service.app.dns_config[0].dns_records[0].ttl == 10
    error_message = "Every task is an address, and one that is gone is forgotten in 10 s."
  }

  assert {
    condition     = aws_service_discovery_instance.host["redis"].attributes["AWS_INSTANCE_CNAME"] == var.hosts["redis"]
    error_message = "redis stands for the primary."
  }
}
