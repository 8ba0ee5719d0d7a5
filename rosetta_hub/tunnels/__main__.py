"""The tunnels' process, started by `process.py`: its configuration comes on standard input."""

import asyncio
import gc
import json
import logging
import sys

# As in rosetta_hub/__main__.py.
gc.disable()
from rosetta_hub.log_format import set_up_logging  # noqa: E402
from rosetta_hub.tunnels.server import serve  # noqa: E402

gc.freeze()
gc.enable()


def main() -> None:
    """Serve until asked to end."""
    set_up_logging("INFO", as_json=False)
    # Below, it logs each channel, and each command.
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    asyncio.run(serve(json.load(sys.stdin)))


main()
