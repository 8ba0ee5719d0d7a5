"""`python -m rosetta_hub`."""

import gc
import sys

# What modules make stays. To look for garbage among it, at the start and once more at the end,
# takes a third of the processor's time of a short command.
gc.disable()
from rosetta_hub.cli import main  # noqa: E402

gc.freeze()
gc.enable()
sys.exit(main())
