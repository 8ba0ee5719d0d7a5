"""Which modules a script imports, so that a page can have them all fetched at once."""

import functools
import posixpath
import re

from rosetta_hub.static_version import STATIC

# Static imports alone: what a script imports later is fetched later.
_IMPORT = re.compile(r'^(?:import|export)\b[^;"(]*"(\.{1,2}/[^"]+)"', re.MULTILINE)


@functools.cache
def module_imports(name: str) -> tuple[str, ...]:
    """The modules that `name` imports, directly or not, as paths below `static`, sorted.

    Without it a browser learns of a module when it has read the one that imports it: a dashboard's
    are four deep.
    """
    found: set[str] = set()
    left = [name]
    while left:
        module = left.pop()
        folder = posixpath.dirname(module)
        for path in _IMPORT.findall((STATIC / module).read_text(encoding="utf-8")):
            imported = posixpath.normpath(posixpath.join(folder, path))
            if imported not in found:
                found.add(imported)
                left.append(imported)
    return tuple(sorted(found - {name}))
