"""What runs Nocturnal: configurations, and commands for operators."""
