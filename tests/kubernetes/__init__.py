"""What can be known of deploy/k8s without a cluster."""
