"""`RosettaAuthenticator`: several login methods of a hub, linked to one user."""
