"""Kubernetes as a computing resource: tasks are its pods."""
