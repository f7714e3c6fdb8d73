output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.main.id
}

output "vpc_cidr" {
  description = "The addresses of the VPC."
  value       = aws_vpc.main.cidr_block
}

output "public_subnet_ids" {
  description = "Where the load balancer stands."
  value       = [for zone in var.zones : aws_subnet.public[zone].id]
}

output "private_subnet_ids" {
  description = "Where tasks run: a way out by NAT, no way in."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}

output "isolated_subnet_ids" {
  description = "Where data lies: no way out."
  value       = [for zone in var.zones : aws_subnet.isolated[zone].id]
}

output "nat_addresses" {
  description = "The addresses that the tasks' outgoing connections come from, for the allow lists of others (MongoDB Atlas)."
  value       = [for address in aws_eip.nat : address.public_ip]
}
