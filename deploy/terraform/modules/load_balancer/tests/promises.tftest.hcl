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
  vpc_id      = "vpc-1"
  vpc_cidr    = "10.20.0.0/16"
  subnet_ids  = ["subnet-1", "subnet-2"]
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  domain_name = "api.example.com"
  log_bucket  = "nocturnal-logs"

  certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
}

run "balancer" {
  command = plan

  assert {
    condition     = aws_lb.main.enable_http2 && aws_lb.main.idle_timeout == 60 && aws_lb.main.enable_deletion_protection
    error_message = "HTTP/2, 60 s of idleness, protected from removal."
  }

  assert {
    condition     = aws_lb.main.drop_invalid_header_fields && aws_lb.main.xff_header_processing_mode == "append"
    error_message = "The product counts one hop from the right of X-Forwarded-For, and no name with underscores passes."
  }

  assert {
    condition     = aws_lb.main.name == "nocturnal-alb" && aws_lb_target_group.app.name == "nocturnal-tg"
    error_message = "The names that documents use."
  }

  assert {
    condition     = aws_lb_target_group.app.port == 5000 && aws_lb_target_group.app.protocol == "HTTP" && aws_lb_target_group.app.target_type == "ip"
    error_message = "Tasks are reached by address, on port 5000."
  }

  assert {
    condition     = !aws_lb_target_group.app.stickiness[0].enabled
    error_message = "Any task serves any request."
  }

  assert {
    condition     = aws_lb_target_group.app.deregistration_delay == "30"
    error_message = "A task that goes has 30 s for what it serves."
  }

  assert {
    condition = (
      aws_lb_target_group.app.health_check[0].path == "/api/health/ready" &&
      aws_lb_target_group.app.health_check[0].matcher == "200" &&
      aws_lb_target_group.app.health_check[0].healthy_threshold == 2 &&
      aws_lb_target_group.app.health_check[0].unhealthy_threshold == 3 &&
      aws_lb_target_group.app.health_check[0].timeout == 5 &&
      aws_lb_target_group.app.health_check[0].interval == 30
    )
    error_message = "Readiness decides: two of 200 bring in, three without take out."
  }
}

run "plain_http" {
  command = plan

  assert {
    condition     = aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS"
    error_message = "Pages are sent to https."
  }

  assert {
    condition     = aws_lb_listener_rule.http_api.action[0].fixed_response[0].status_code == "403" && contains([for each in aws_lb_listener_rule.http_api.condition : each.path_pattern[0].values][0], "/api/*")
    error_message = "The API is refused without TLS."
  }

  assert {
    condition     = jsondecode(aws_lb_listener_rule.http_api.action[0].fixed_response[0].message_body).code == "https_required"
    error_message = "A refusal says a code."
  }
}

run "https" {
  command = plan

  assert {
    condition     = aws_lb_listener.https.port == 443 && startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13-1-2")
    error_message = "TLS 1.2 and 1.3."
  }

  assert {
    condition     = aws_lb_listener_rule.metrics.action[0].fixed_response[0].status_code == "404" && contains([for each in aws_lb_listener_rule.metrics.condition : each.path_pattern[0].values][0], "/metrics")
    error_message = "Metrics are not given out."
  }

  assert {
    condition     = length(aws_acm_certificate.main) == 0
    error_message = "A given certificate is used."
  }
}

run "own_certificate" {
  command = plan

  variables {
    zone_id         = "Z0123456789ABCDEFGHIJ"
    certificate_arn = null
  }

  override_resource {
    target = aws_acm_certificate.main
    values = {
      domain_validation_options = [{ domain_name = "api.example.com", resource_record_name = "_1.api.example.com", resource_record_type = "CNAME", resource_record_value = "_2.acm-validations.aws" }]
    }
  }

  assert {
    condition     = aws_acm_certificate.main[0].validation_method == "DNS" && aws_acm_certificate.main[0].domain_name == "api.example.com"
    error_message = "A certificate is made and proven by the zone."
  }

  assert {
    condition     = aws_route53_record.app["api.example.com"].type == "A"
    error_message = "The name leads to the load balancer."
  }
}

run "firewall" {
  command = plan

  assert {
    condition = anytrue([
      for rule in aws_wafv2_web_acl.main.rule :
      try(rule.statement[0].rate_based_statement[0].limit, 0) == 6000 && try(rule.statement[0].rate_based_statement[0].aggregate_key_type, "") == "IP"
    ])
    error_message = "Floods of one address are refused."
  }
}

run "neither_zone_nor_certificate" {
  command = plan

  variables {
    certificate_arn = null
  }

  expect_failures = [var.certificate_arn]
}

run "liveness_is_no_health_check" {
  command = plan

  variables {
    health_check_path = "/api/health/live"
  }

  expect_failures = [var.health_check_path]
}
