"""`python -m rosetta_hub.files.remote`: frames on standard input and output."""

import sys

from rosetta_hub.files.remote.program import main

if __name__ == "__main__":
    sys.exit(main())
