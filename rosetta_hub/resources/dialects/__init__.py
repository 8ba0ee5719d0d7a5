"""The schedulers that batchspawner knows, Slurm apart: one adapter, a dialect for each."""
