"""What the service does every few seconds or minutes."""
