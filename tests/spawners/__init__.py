"""Tests of the spawners: pure ones, and a real hub with a stub of the service."""
