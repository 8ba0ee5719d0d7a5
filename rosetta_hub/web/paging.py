"""The address of the next page of a list, in `Link` (RFC 8288)."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from tornado.httputil import HTTPServerRequest

_LEFT_OUT = ("after", "_xsrf")


def link_next(request: HTTPServerRequest, cursor: str | None) -> dict[str, str]:
    """The headers of an answer whose next page has this cursor; none on the last page.

    The address is relative to that of the request: the hub's proxy may have another host.
    """
    if cursor is None:
        return {}
    parts = urlsplit(request.uri or "")
    # JupyterHub's XSRF token belongs to this request alone.
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in _LEFT_OUT]
    return {"Link": f'<{parts.path}?{urlencode([*query, ("after", cursor)])}>; rel="next"'}
