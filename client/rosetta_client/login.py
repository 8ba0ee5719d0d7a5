"""Getting a token by way of the page `login` of the hub, in a browser here or anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from rosetta_client.errors import ApiError, RosettaError, TimeOver
from rosetta_client.models import LoginProof, LoginResult, NewLogin

if TYPE_CHECKING:
    from rosetta_client.client import Client

# Seconds that the user has.
PATIENCE = 600.0
_PENDING = "login-pending"
_DONE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>rosetta</title>
<p>Done: <code>rosetta login</code> goes on by itself. You can close this page.</p></html>"""


def client_name() -> str:
    """What the page calls this machine."""
    return re.sub(r"[^\w.()@ -]", "-", socket.gethostname())[:64] or "this machine"


def login_with_browser(client: Client, open_page: Callable[[str], None]) -> LoginResult:
    """Log in with a browser on this machine; `open_page` is called with the address.

    Raises:
        RosettaError: the user refused, or the hub does.
        TimeOver: nobody decided.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    with _Listener(("127.0.0.1", 0), _Answers) as listener:
        listener.state = state
        query = {
            **{"client": client_name(), "challenge": _challenge(verifier)},
            **{"port": listener.server_port, "state": state},
        }
        open_page(f"{client.transport.endpoint.service}login?{urlencode(query)}")
        code = listener.wait(PATIENCE)
    return client.finish_login(LoginProof(secret=code, verifier=verifier))


def login_with_code(client: Client, show_code: Callable[[str, str], None]) -> LoginResult:
    """Log in with a browser anywhere; `show_code` is called with the page's address and a code.

    Raises:
        RosettaError: the user refused, or the hub does.
        TimeOver: nobody decided.
    """
    verifier = secrets.token_urlsafe(48)
    login = client.begin_login(NewLogin(client=client_name(), challenge=_challenge(verifier)))
    show_code(f"{client.transport.endpoint.service}login", login.code)
    deadline = time.monotonic() + login.expires_in
    proof = LoginProof(secret=login.secret, verifier=verifier)
    while time.monotonic() < deadline:
        time.sleep(login.interval)
        try:
            return client.finish_login(proof)
        except ApiError as error:
            if error.kind != _PENDING:
                raise
    raise TimeOver("Nobody has typed the code in. Begin anew with 'rosetta login'.")


class _Listener(HTTPServer):
    """Waits for the browser to come back."""

    state = ""
    code: str | None = None
    refused = False

    def wait(self, seconds: float) -> str:
        """The code.

        Raises:
            RosettaError: the user refused.
            TimeOver: nobody came.
        """
        deadline = time.monotonic() + seconds
        while self.code is None:
            self.timeout = deadline - time.monotonic()
            if self.timeout <= 0:
                raise TimeOver("Nobody has agreed in the browser. Begin anew with 'rosetta login'.")
            self.handle_request()
            if self.refused:
                raise RosettaError("The login was refused in the browser.")
        return self.code


class _Answers(BaseHTTPRequestHandler):
    """Takes what the page sends, and nothing that does not know the state."""

    server: _Listener

    def do_GET(self) -> None:
        """The browser comes back."""
        query = parse_qs(urlsplit(self.path).query)
        state = query.get("state", [""])[0]
        if not secrets.compare_digest(state.encode(), self.server.state.encode()):
            self.send_error(404)
            return
        self.server.code = query.get("code", [None])[0]
        self.server.refused = "error" in query
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(_DONE)

    def log_message(self, *_: object) -> None:
        """Addresses hold codes: they are printed nowhere."""


def _challenge(verifier: str) -> str:
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
