"""What administrators see and do in the service: numbers, drained resources, announcements."""
