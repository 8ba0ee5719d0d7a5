"""Copies between storages: jobs in the database that outlive the service."""
