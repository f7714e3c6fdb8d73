"""What runs the product: on this machine, in containers, and in the cloud."""
