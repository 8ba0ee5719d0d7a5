"""Software of users: what they add to the catalogue, for themselves and for their groups."""
