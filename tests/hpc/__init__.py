"""Tests against the real cluster: Slurm, compute nodes, a standalone host."""
