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

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:123456789012:nocturnal-alarms" }
  }
}

variables {
  name             = "nocturnal"
  kms_key_arn      = "arn:aws:kms:us-east-1:123456789012:key/1"
  email            = "operators@example.com"
  load_balancer    = { load_balancer = "app/nocturnal-alb/1", target_group = "targetgroup/nocturnal-tg/1", firewall = "nocturnal" }
  service          = { cluster = "nocturnal", service = "nocturnal-app", minimum = 3, maximum = 10, log_group = "/nocturnal/app" }
  database_cluster = "nocturnal"
  cache_nodes      = ["nocturnal-001", "nocturnal-002"]
}

run "alarms" {
  command = apply

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.every) == 21
    error_message = "Eleven of the service, three of each node of Redis, four of the database."
  }

  assert {
    condition     = alltrue([for each in aws_cloudwatch_metric_alarm.every : each.alarm_actions == toset([aws_sns_topic.alarms.arn]) && length(each.alarm_description) > 10])
    error_message = "Each alarm is told, and says what to do."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.every["few-tasks"].threshold == 3 && aws_cloudwatch_metric_alarm.every["few-tasks"].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.every["few-tasks"].treat_missing_data == "breaching"
    error_message = "Fewer than three tasks, or none that says so."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets) == 12
    error_message = "The dashboard has all of it."
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.kms_key_arn
    error_message = "Notices are encrypted."
  }
}

run "somebody_elses_database" {
  command = plan

  variables {
    database_cluster = null
    email            = null
  }

  assert {
    condition     = length([for name in keys(aws_cloudwatch_metric_alarm.every) : name if startswith(name, "database-")]) == 0
    error_message = "No alarm on what is not ours."
  }
}
