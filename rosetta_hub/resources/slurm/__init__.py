"""Slurm: its commands on a login node, and its REST API."""
