"""A real OpenID Connect provider in a process of its own: tests/support/oidc/provider.mjs."""

import json
import os
import re
import signal
import subprocess
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

SCRIPT = Path(__file__).with_name("oidc") / "provider.mjs"
DEADLINE = 40.0
SECRET = "secret-of-the-client"
_ACTION = re.compile(r'<form[^>]*action="([^"]+)"')


class Provider:
    """The provider; `restart` gives it the same address again, with nothing of what it knew."""

    def __init__(self, access_seconds: int = 3600) -> None:
        self._access_seconds = access_seconds
        self._port = 0
        self.start()

    def start(self) -> None:
        """Start the process."""
        environment = os.environ | {"ACCESS_SECONDS": str(self._access_seconds)}
        self._process = subprocess.Popen(
            ["node", str(SCRIPT)],
            env=environment | {"PORT": str(self._port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b"{"):
                document = json.loads(line)
                break
        self.issuer: str = document["issuer"]
        self._control: str = document["control"]
        self._port = int(self.issuer.rpartition(":")[2])

    def steer(self, what: str, **body: Any) -> dict[str, Any]:
        """Tell the provider something; see the script."""
        answer = httpx.post(f"{self._control}/{what}", json=body, timeout=DEADLINE)
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    def register(self, client_id: str, callback: str) -> None:
        """Let a hub send browsers here."""
        self.steer(
            "clients",
            client_id=client_id,
            client_secret=SECRET,
            redirect_uris=[callback],
            grant_types=["authorization_code", "refresh_token"],
            token_endpoint_auth_method="client_secret_post",
        )

    def set_account(self, account: str, **claims: Any) -> None:
        """Have an account, with these claims."""
        self.steer(f"accounts/{account}", claims=claims)

    def delete_account(self, account: str) -> None:
        """Have it no more."""
        self.steer(f"accounts/{account}", claims=None)

    def hang(self) -> None:
        """Answer nobody until `go_on`."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Refuse connections."""
        self._process.kill()
        self._process.wait(DEADLINE)
        if self._process.stdout is not None:
            self._process.stdout.close()

    async def sign_in(self, client: httpx.AsyncClient, url: str, account: str) -> httpx.Response:
        """Log in from an address of the hub; returns its answer at the end, a redirect or not.

        The answer to the callback is not followed.
        """
        answer = await client.get(url, follow_redirects=False)
        return await self.go_through(client, answer, account)

    async def go_through(
        self, client: httpx.AsyncClient, answer: httpx.Response, account: str
    ) -> httpx.Response:
        """From the hub's redirect to the provider, to the hub's answer to its callback."""
        url = await self.authorise(client, answer, account)
        return await client.get(url, follow_redirects=False)

    async def authorise(
        self, client: httpx.AsyncClient, answer: httpx.Response, account: str
    ) -> str:
        """Fill in the provider's forms; returns the address of the callback, not asked for yet."""
        while True:
            if location := answer.headers.get("Location"):
                url = urljoin(str(answer.url), location)
                if not url.startswith(self.issuer) and str(answer.url).startswith(self.issuer):
                    return str(url)
                answer = await client.get(url, follow_redirects=False)
                continue
            action = _ACTION.search(answer.text)
            assert action, (answer.url, answer.status_code, answer.text[:2000])
            prompt = "login" if 'value="login"' in answer.text else "consent"
            form = {"prompt": prompt, "login": account, "password": "any"}
            url = urljoin(str(answer.url), unescape(action[1]))
            answer = await client.post(url, data=form, follow_redirects=False)
