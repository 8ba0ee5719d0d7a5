"""The pages of the hub and of the service (Jinja templates, shipped as package data)."""
