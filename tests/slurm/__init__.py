"""The drivers of Slurm."""
