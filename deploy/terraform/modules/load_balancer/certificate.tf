# Where the domain's zone is ours: the certificate, its proof, and the name.

locals {
  domain = var.zone_id == null ? {} : { (var.domain_name) = var.zone_id }
}

resource "aws_acm_certificate" "main" {
  count = length(local.domain)

  domain_name       = var.domain_name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "proof" {
  for_each = local.domain

  zone_id = each.value
  name    = tolist(aws_acm_certificate.main[0].domain_validation_options)[0].resource_record_name
  type    = tolist(aws_acm_certificate.main[0].domain_validation_options)[0].resource_record_type
  records = [tolist(aws_acm_certificate.main[0].domain_validation_options)[0].resource_record_value]
  ttl     = 300

  allow_overwrite = true # the proof of another certificate for the same name is the same record
}

resource "aws_acm_certificate_validation" "main" {
  count = length(local.domain)

  certificate_arn         = aws_acm_certificate.main[0].arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_route53_record" "app" {
  for_each = local.domain

  zone_id = each.value
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = aws_lb.main.dns_name
    zone_id                = aws_lb.main.zone_id
    evaluate_target_health = false
  }
}
