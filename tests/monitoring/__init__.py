"""Alerts and dashboard, with a real Prometheus."""
