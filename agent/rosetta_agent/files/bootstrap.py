"""The start of a files program that travels: its modules stay in memory, the disk is not touched.

The text of this module is the beginning of what the service sends (rosetta_hub/agents/
programs.py): it may import nothing but the standard library, and it must be valid for every
Python 3, so that an old one gets an answer instead of a traceback.
"""

import importlib
import importlib.abc
import importlib.util
import json
import os
import struct
import sys
from typing import Any

_OLDEST = (3, 6)


class MemoryImporter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules from a dictionary of their texts; packages end with ``.__init__``."""

    def __init__(self, sources: "dict[str, str]") -> None:
        self._sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec of a module that the dictionary holds."""
        for key in (name, name + ".__init__"):
            if key in self._sources:
                is_package = key != name
                return importlib.util.spec_from_loader(name, self, is_package=is_package)
        return None

    def create_module(self, spec: Any) -> Any:
        """The default."""
        return None

    def exec_module(self, module: Any) -> None:
        """Execute the module's text."""
        name = module.__name__
        key = name if name in self._sources else name + ".__init__"
        code = compile(self._sources[key], "<sent>/" + key, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 - the text came along with this one


def boot(sources: "dict[str, str]", arguments: "list[str]", name: str) -> None:
    """Serve with these modules, of which the one of this name begins; never returns."""
    if sys.version_info < _OLDEST:
        refuse("Python 3.6 or newer is needed on the host, it has " + sys.version.split()[0])
    sys.meta_path.insert(0, MemoryImporter(sources))
    sys.exit(importlib.import_module(name).main(arguments))


def refuse(text: str) -> None:
    """Answer the first request, before it has come, with an error; and end."""
    payload = json.dumps({"error": "failed", "message": text}).encode("ascii")
    os.write(1, struct.pack(">cI", b"J", len(payload)) + payload)
    sys.exit(2)
