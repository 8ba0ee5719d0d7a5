"""`python -m rosetta_hub`."""

import sys

from rosetta_hub.cli import main

sys.exit(main())
