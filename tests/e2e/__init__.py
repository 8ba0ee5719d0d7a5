"""The whole system: a real hub, service, edge, agents, engines and a browser."""
