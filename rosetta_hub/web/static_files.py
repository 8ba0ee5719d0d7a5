"""Scripts, styles and icons of the pages, at addresses that change with their content."""

from tornado import web

from rosetta_hub.static_version import STATIC, static_version
from rosetta_hub.web.base_handler import SECURITY_HEADERS

# Seconds.
YEAR = 365 * 24 * 3600


class StaticHandler(web.StaticFileHandler):
    """`static/PATH`: the only files that need no login."""

    cache_control = "no-cache"

    def set_extra_headers(self, path: str) -> None:
        """Revalidated at each use: an upgrade must not meet yesterday's script."""
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Cache-Control", self.cache_control)


class VersionedStaticHandler(StaticHandler):
    """`static/VERSION/PATH` of the present version: kept by browsers without asking again.

    Scripts import each other by relative addresses, which have the version in them, too.
    """

    cache_control = f"public, max-age={YEAR}, immutable"


def static_routes(prefix: str) -> list[tuple[str, type[StaticHandler], dict[str, str]]]:
    """The routes of this module below `prefix`.

    A page of another version, as there are while hub and service are upgraded one after the other,
    gets the present files, which browsers revalidate.
    """
    files = {"path": str(STATIC)}
    return [
        (rf"{prefix}static/{static_version()}/(.*)", VersionedStaticHandler, files),
        (rf"{prefix}static/(?:[0-9a-f]{{12}}/)?(.*)", StaticHandler, files),
    ]
