"""The spawner family of Rosetta Hub."""
