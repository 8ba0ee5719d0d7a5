"""The API of Kubernetes: where a server is, who we are there, and its calls."""
