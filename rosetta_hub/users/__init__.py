"""What is kept of users: identities on computing resources, and what goes when they go."""
