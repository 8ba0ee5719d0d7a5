"""Kubernetes, as `scripts/cluster kubernetes up` starts it, behind a hub."""
