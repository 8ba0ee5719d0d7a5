"""Posts reports to the service, and reads its answers."""

import json
import logging
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, NamedTuple, Optional

from rosetta_agent.protocol import DESIRED_STATES, REFUSALS

LOG = logging.getLogger(__name__)

#: What a post may take.
POST_SECONDS = 10.0
_MAX_ANSWER = 65536


class Answer(NamedTuple):
    """What came back: ``kind`` is accepted, refused or none."""

    kind: str
    desired_state: str
    log_offset: Optional[int]


def parse_answer(status: int, body: bytes) -> Answer:
    """Read the service's answer; what cannot be read counts as none.

    So does a refusal that is not the service's own: while the hub starts, its proxy says for
    a moment that there is no service.
    """
    nothing = Answer("none", "run", None)
    try:
        document = json.loads(body.decode("utf-8"))
    except ValueError:
        return nothing
    if not isinstance(document, dict):
        return nothing
    if status in REFUSALS and document.get("refused") is True:
        return Answer("refused", "run", None)
    if status != 200 or document.get("desired_state") not in DESIRED_STATES:
        return nothing
    offset = document.get("log_offset")
    is_offset = isinstance(offset, int) and not isinstance(offset, bool) and offset >= 0
    return Answer("accepted", document["desired_state"], offset if is_offset else None)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the secret to wherever it points: it is an answer like any other."""

    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        return None


def build_opener(url: str, authority: Optional[str] = None) -> urllib.request.OpenerDirector:
    """An opener without redirects, and without a proxy where the service is on this machine.

    Certificates are checked against ``authority`` (PEM), or those that the machine trusts.
    """
    host = urllib.parse.urlsplit(url).hostname or ""
    context = ssl.create_default_context(cadata=authority)
    handlers: List[urllib.request.BaseHandler] = [
        _NoRedirect(),
        urllib.request.HTTPSHandler(context=context),
    ]
    if host in ("localhost", "::1") or host.startswith("127."):
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


class ReportClient:
    """Posts one report at a time; the secret travels in the header only."""

    def __init__(self, url: str, secret: str, authority: Optional[str] = None) -> None:
        self._url = url
        self._secret = secret
        self._opener = build_opener(url, authority)

    def post(self, report: Dict[str, Any]) -> Answer:
        """Send it; never raises for what a network or a service can do."""
        request = urllib.request.Request(  # noqa: S310 - the URL is checked to be http(s)
            self._url, data=json.dumps(report).encode("utf-8"), method="POST"
        )
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", "Bearer " + self._secret)
        try:
            with self._open(request) as response:
                return parse_answer(response.getcode(), response.read(_MAX_ANSWER))
        except (OSError, ValueError) as error:
            LOG.info("no answer from the service: %s", error)
        except Exception as error:  # http.client raises a family of its own
            LOG.warning("no readable answer from the service: %r", error)
        return Answer("none", "run", None)

    def _open(self, request: urllib.request.Request) -> Any:
        """The response, whatever its status."""
        try:
            return self._opener.open(request, timeout=POST_SECONDS)
        except urllib.error.HTTPError as error:
            return error
