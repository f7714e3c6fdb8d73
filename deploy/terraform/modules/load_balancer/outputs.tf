output "security_group_id" {
  description = "The only one that may connect to tasks on port 5000."
  value       = aws_security_group.load_balancer.id
}

output "target_group_arn" {
  description = "Where ECS registers tasks."
  value       = aws_lb_target_group.app.arn

  # A service can only join a target group that a listener uses.
  depends_on = [aws_lb_listener.https]
}

output "dns_name" {
  description = "Where domain_name must lead, when no zone is given."
  value       = aws_lb.main.dns_name
}

output "metric_names" {
  description = "The load balancer and the target group as metrics name them."
  value = {
    load_balancer = aws_lb.main.arn_suffix
    target_group  = aws_lb_target_group.app.arn_suffix
    firewall      = aws_wafv2_web_acl.main.name
  }
}
