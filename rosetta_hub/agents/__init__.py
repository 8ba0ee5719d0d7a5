"""The agent as the hub sends it: what it is told, and how it travels."""
