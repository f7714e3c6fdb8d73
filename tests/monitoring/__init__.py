"""deploy/monitoring with the real programs: Prometheus, promtool and amtool."""
