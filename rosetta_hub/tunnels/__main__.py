"""The tunnels' process, started by `process.py`: its configuration comes on standard input."""

import asyncio
import json
import logging
import sys

from rosetta_hub.log_format import set_up_logging
from rosetta_hub.tunnels.server import serve


def main() -> None:
    """Serve until asked to end."""
    set_up_logging("INFO", as_json=False)
    # Below, it logs each channel, and each command.
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    asyncio.run(serve(json.load(sys.stdin)))


main()
