"""The ingress: keeps the edge and the tunnels equal to what the database says."""
