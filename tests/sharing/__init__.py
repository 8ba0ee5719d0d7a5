"""Sharing of tasks."""
