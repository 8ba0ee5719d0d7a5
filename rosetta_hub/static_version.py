"""The version of the pages' scripts, styles and icons, which is a part of their addresses."""

import functools
import hashlib
from pathlib import Path

STATIC = Path(__file__).parent / "web" / "static"


@functools.cache
def static_version() -> str:
    """Twelve hexadecimal digits of the SHA-256 of all files below `STATIC`, names included."""
    digest = hashlib.sha256()
    for path in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(STATIC)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
