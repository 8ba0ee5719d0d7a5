"""Numbers about the service and its tasks, for Prometheus."""
