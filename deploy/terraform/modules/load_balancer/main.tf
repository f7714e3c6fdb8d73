# The way in: one ALB over the zones, TLS by ACM, no stickiness. docs/DEPLOYMENT.md has the journey.

locals {
  not_here = jsonencode({
    type   = "urn:nocturnal:problem:not_found", title = "There is nothing here.", status = 404,
    detail = "There is nothing here.", code = "not_found"
  })
  use_https = jsonencode({
    type   = "urn:nocturnal:problem:https_required", title = "Use https.", status = 403,
    detail = "The API is not served without TLS. What was sent is not safe: change a password that was in it.", code = "https_required"
  })
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-alb"
  description = "The load balancer: anybody comes in by HTTP and HTTPS, tasks are behind it"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-alb" }
}

resource "aws_vpc_security_group_ingress_rule" "public" {
  # checkov:skip=CKV_AWS_260:port 80 answers with a redirect to https, or a refusal, and with nothing else
  for_each = { http = 80, https = 443 }

  security_group_id = aws_security_group.load_balancer.id
  description       = "Clients by ${each.key}"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_security_group_egress_rule" "tasks" {
  security_group_id = aws_security_group.load_balancer.id
  description       = "Requests and health checks to tasks"
  cidr_ipv4         = var.vpc_cidr
  ip_protocol       = "tcp"
  from_port         = 5000
  to_port           = 5000
}

resource "aws_lb" "main" {
  # checkov:skip=CKV2_AWS_76:the rule set that stops Log4j's strings is the firewall's second rule; no Java runs here anyway
  name                       = "${var.name}-alb"
  internal                   = false
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  enable_deletion_protection = var.deletion_protection
  enable_http2               = true
  idle_timeout               = 60   # shorter than the server's 75 s: who closes first must be the load balancer
  drop_invalid_header_fields = true # X_Forwarded_For would otherwise pass beside X-Forwarded-For
  xff_header_processing_mode = "append"
  desync_mitigation_mode     = "defensive"

  access_logs {
    bucket  = var.log_bucket
    prefix  = "alb"
    enabled = true
  }

  tags = { Name = "${var.name}-alb" }
}

resource "aws_lb_target_group" "app" {
  name                          = "${var.name}-tg"
  port                          = 5000
  protocol                      = "HTTP"
  vpc_id                        = var.vpc_id
  target_type                   = "ip"
  deregistration_delay          = 30
  load_balancing_algorithm_type = "least_outstanding_requests"

  health_check {
    enabled             = true
    healthy_threshold   = 2
    unhealthy_threshold = 3
    timeout             = 5
    interval            = 30
    path                = var.health_check_path
    matcher             = "200"
  }

  # Any task serves any request.
  stickiness {
    enabled = false
    type    = "lb_cookie"
  }
}

# --- HTTP: pages are sent to https; the API is refused, so that no client goes on sending tokens in the clear

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.main.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener_rule" "http_api" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 10

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "application/json"
      status_code  = "403"
      message_body = local.use_https
    }
  }

  condition {
    path_pattern {
      values = ["/api", "/api/*"]
    }
  }
}

# --- HTTPS

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.main.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.zone_id == null ? var.certificate_arn : aws_acm_certificate_validation.main[0].certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.app.arn
  }
}

# Metrics are for who asks a task on its own port.
resource "aws_lb_listener_rule" "metrics" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 10

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "application/json"
      status_code  = "404"
      message_body = local.not_here
    }
  }

  condition {
    path_pattern {
      values = ["/metrics", "/metrics/*"]
    }
  }
}
