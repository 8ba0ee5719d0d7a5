"""The command `rosetta`."""
