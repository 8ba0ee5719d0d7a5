"""What durable jobs have in common: a queue, shares of users, and news of changes."""
