"""`python -m rosetta_client`: the command `rosetta`."""

from rosetta_client.cli.main import main

main()
