"""`login`: users let a program, such as `rosetta` on their laptop, act for them.

A program that listens on its machine leads here with a port (`?port=`), and the page leads back.
Who has a code instead types it in. Nothing is agreed to by looking at the page: its button is a
POST with JupyterHub's XSRF token. A code is never taken from the address, because whoever sends
links could have a program of their own let in.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from rosetta_hub.accounts.client_logins import Agreement, LoginUnknown
from rosetta_hub.accounts.throttle import Rule
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.web.account_tokens_api import TokenRight
from rosetta_hub.web.bodies import RequestModel, parse_body, read_query
from rosetta_hub.web.client_logins_api import Challenge, ClientName
from rosetta_hub.web.page_handler import PAGE_POLICY, PageHandler

# Codes that one user may type in.
TYPED = Rule("client login code", 20, timedelta(minutes=10))
DAYS = (1, 7, 30, 90, 365)
DEFAULT_DAYS = 30
RIGHTS = {
    TokenRight.SEE: "See your tasks and their states, your storages and your software",
    TokenRight.ENTER: "Open your tasks and read their logs, and read and change your files",
    TokenRight.CHANGE: "Start, stop, delete and share tasks, and change your software and account",
}


class LoopbackLogin(RequestModel):
    """A program that listens: where, its name, its challenge, and what it gets back (`state`)."""

    client: ClientName
    challenge: Challenge
    port: int = Field(ge=1024, le=65535)
    state: str = Field(pattern="^[A-Za-z0-9_-]{1,128}$")

    def address(self, answer: dict[str, str]) -> str:
        """Where the browser is led with the answer: never to another machine."""
        return f"http://127.0.0.1:{self.port}/?{urlencode({**answer, 'state': self.state})}"


class ClientLoginPage(PageHandler):
    """The page, and what its forms send."""

    def get(self) -> None:
        """What a program asks for, or a field for the code that it shows."""
        if not self.request.query:
            self._render(asks_for_code=True)
            return
        login = read_query(self, LoopbackLogin)
        # The answer to the form leads to the program, which Chromium takes for its target.
        target = f"form-action 'self' http://127.0.0.1:{login.port}"
        self.policy = PAGE_POLICY.replace("form-action 'self'", target)
        self._render(login.client, login.model_dump())

    async def post(self) -> None:
        """A code that was typed in, or the user's decision."""
        decision = self.get_body_argument("decision", "")
        loopback = self._loopback()
        typed = self.get_body_argument("code", "")
        if loopback is not None:
            self._lead_back(loopback, decision)
            return
        try:
            client = self._find_client(typed)
        except LoginUnknown:
            message = "No program shows this code, or not any more. Check the letters."
            self._render(asks_for_code=True, message=message)
            return
        if decision:
            self._decide(client, typed, decision)
        else:
            self._render(client, {"code": typed})

    def _find_client(self, typed: str) -> str:
        self.services.throttle.take(TYPED, self.principal.name)
        return self.services.client_logins.find_client(typed)

    def _decide(self, client: str, typed: str, decision: str) -> None:
        if decision == "allow":
            self.services.client_logins.agree(typed, self._agreement(client))
        else:
            self.services.client_logins.refuse(typed)
        self._render(client, done="allowed" if decision == "allow" else "refused")

    def _lead_back(self, login: LoopbackLogin, decision: str) -> None:
        answer = {"error": "refused"}
        if decision == "allow":
            agreement = self._agreement(login.client)
            answer = {"code": self.services.client_logins.agree_at_once(login.challenge, agreement)}
        self.set_header("Referrer-Policy", "no-referrer")
        self.redirect(login.address(answer), status=303)

    def _agreement(self, client: str) -> Agreement:
        """What the form says.

        Raises:
            InvalidOptions: it says no right, or no time that can be chosen.
        """
        rights = [right.value for right in TokenRight if right in self.get_body_arguments("rights")]
        days = self.get_body_argument("days", "")
        if not rights:
            raise InvalidOptions("Choose at least one thing that the program may do.")
        if days not in map(str, DAYS):
            raise InvalidOptions("Choose how long the program may act for you.")
        seconds = int(days) * 86400
        return Agreement(self.principal.name, client, tuple(rights), seconds, self.principal_token)

    def _loopback(self) -> LoopbackLogin | None:
        fields = ("client", "challenge", "port", "state")
        values = {name: self.get_body_argument(name) for name in fields if self._has(name)}
        return parse_body(LoopbackLogin, values) if values else None

    def _has(self, name: str) -> bool:
        return name in self.request.body_arguments

    def _render(
        self,
        client: str = "",
        hidden: dict[str, Any] | None = None,
        **context: Any,
    ) -> None:
        rights = [(right.value, text) for right, text in RIGHTS.items()]
        self.render_page(
            "login.html",
            client=client,
            hidden=hidden or {},
            rights=rights,
            days=DAYS,
            default_days=DEFAULT_DAYS,
            xsrf=self.xsrf_token.decode(),
            **context,
        )
