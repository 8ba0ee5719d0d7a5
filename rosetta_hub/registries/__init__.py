"""Registries of images: what they hold, asked over the OCI distribution API."""
