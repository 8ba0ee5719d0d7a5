"""Ending one login of a user without the others: runs within the hub.

JupyterHub has one secret for the cookies of all logins of a user. To end one login, the secret is
replaced and the tokens of that login are deleted. The user's other browsers still have their tokens
at the service, and prove by them who they are when they come to a page of the hub next:

1. The hub's page sends them to `LoginRedirect`, which knows their session, and on to the service.
2. The service shows their token to the hub, and gets a code for this session (`CodesHandler`).
3. `RenewalHandler` takes the code from the same session, and sets the new cookie.

Nothing is written to disk: after a restart of the hub, these browsers log in again. So do browsers
that have never been at the service.
"""

import hashlib
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from jupyterhub.utils import new_token, url_path_join
from tornado import web

from rosetta_hub.hub.session_end import NO_LOGIN
from rosetta_hub.hub.user_tokens import PrincipalHandler, session_digest

# Seconds in which a code is to be used: a browser follows two redirects meanwhile.
CODE_LIFETIME = 60
# The key of the hub's settings.
_KEY = "rosetta_login_renewals"


@dataclass(frozen=True)
class _Code:
    session: str
    cookie_id: str
    deadline: float


@dataclass
class LoginRenewals:
    """Sessions whose cookie is to be renewed, and the codes by which that is done.

    A session stands for the user who has this `cookie_id`: when all logins of the user end, which
    replaces it again, nothing of the user is renewed any more.
    """

    _cookie_ids: dict[str, str] = field(default_factory=dict)
    _codes: dict[str, _Code] = field(default_factory=dict)

    def admit(self, sessions: Iterable[str], replaced: str, cookie_id: str) -> None:
        """Have these sessions (digests) renewed, and no others of the user.

        `replaced` is the user's `cookie_id` until now.
        """
        remaining = {
            session: old_id for session, old_id in self._cookie_ids.items() if old_id != replaced
        }
        self._cookie_ids = remaining | dict.fromkeys(sessions, cookie_id)

    def cookie_id_for(self, session: str) -> str | None:
        """The `cookie_id` that is to be in the cookie of a session, None where nothing is due."""
        return self._cookie_ids.get(session)

    def issue(self, session: str, cookie_id: str) -> str:
        """A code for one use by this session."""
        now, code = time.monotonic(), secrets.token_urlsafe(32)
        self._codes = {key: entry for key, entry in self._codes.items() if entry.deadline > now}
        self._codes[_digest(code)] = _Code(session, cookie_id, now + CODE_LIFETIME)
        return code

    def redeem(self, code: str, session: str) -> str | None:
        """The `cookie_id` for the session's cookie; None where the code is not good for it."""
        entry = self._codes.pop(_digest(code), None)
        if entry is None or entry.session != session or entry.deadline <= time.monotonic():
            return None
        if self._cookie_ids.get(session) != entry.cookie_id:
            return None
        del self._cookie_ids[session]
        return entry.cookie_id


class LoginSessionHandler(PrincipalHandler):
    """`DELETE rosetta/sessions/<digest>`: end one login of the user whose token is shown."""

    def delete(self, session: str) -> None:
        """End it; 404 where the user has none of that session."""
        user = self.find_principal_token().user
        ended, remaining = [], set()
        for token in [*user.api_tokens, *user.oauth_codes]:
            if not token.session_id or getattr(token, "client_id", None) == NO_LOGIN:
                continue
            if (digest := session_digest(token)) == session:
                ended.append(token)
            else:
                remaining.add(digest)
        if not ended:
            raise web.HTTPError(404, "There is no such session. It may have ended.")
        replaced, user.cookie_id = user.cookie_id, new_token()
        for token in ended:
            self.db.delete(token)
        self.db.commit()
        renewals(self).admit(remaining, replaced, user.cookie_id)
        self._lead_logins()
        self.log.info("Ended one login of %s: %d tokens", user.name, len(ended))
        self.set_status(204)

    def _lead_logins(self) -> None:
        """Have pages of the hub send browsers without a cookie to `LoginRedirect`, from now on.

        An authenticator that logs in by itself needs none of this, and compares the address.
        """
        if not self.authenticator.auto_login:
            self.settings["login_url"] = url_path_join(self.hub.base_url, "rosetta/login")


class CodesHandler(PrincipalHandler):
    """`POST rosetta/login-renewals`: a code for the session of the token that is shown."""

    def post(self) -> None:
        """The code; 404 where nothing is to be renewed."""
        token = self.find_principal_token()
        session = session_digest(token) if token.session_id else ""
        cookie_id = renewals(self).cookie_id_for(session)
        if cookie_id is None or token.user.cookie_id != cookie_id:
            raise web.HTTPError(404, "This login needs no renewal.")
        self.finish({"code": renewals(self).issue(session, cookie_id)})


class _BrowserHandler(BaseHandler):
    """What both pages share: who is at them."""

    def session(self) -> str:
        """The digest of the browser's session."""
        return _digest(self.get_session_cookie() or "")

    def log_in(self) -> None:
        """Lead the browser to the hub's login, with what it has asked for."""
        login = url_path_join(self.hub.base_url, "login")
        next_url = self.get_argument("next", "")
        self.redirect(f"{login}?{urlencode({'next': next_url})}" if next_url else login)


class LoginRedirect(_BrowserHandler):
    """`rosetta/login`: to the service where the session is to be renewed, else to the login."""

    def initialize(self, service_prefix: str) -> None:
        """Keep where the service is, as a path that ends with a slash."""
        self.service_prefix = service_prefix

    def get(self) -> None:
        """To the one or the other."""
        if renewals(self).cookie_id_for(self.session()) is None:
            self.log_in()
            return
        query = urlencode({"next": self.get_argument("next", "")})
        self.redirect(f"{self.service_prefix}login-renewal?{query}")


class RenewalHandler(_BrowserHandler):
    """`rosetta/login-renewal?code=…`: set the hub's new cookie."""

    def get(self) -> None:
        """To the page that the browser was going to; to the login where the code is not good."""
        cookie_id = renewals(self).redeem(self.get_argument("code", ""), self.session())
        user = cookie_id and self.db.query(orm.User).filter_by(cookie_id=cookie_id).first()
        if not user:
            self.log_in()
            return
        self.set_login_cookie(self._user_from_orm(user))
        self.redirect(self.get_next_url())


def renewals(handler: BaseHandler) -> LoginRenewals:
    """Those of the hub."""
    login_renewals: LoginRenewals = handler.settings.setdefault(_KEY, LoginRenewals())
    return login_renewals


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def renewal_routes(service_prefix: str) -> list[tuple[object, ...]]:
    """The handlers and their paths below the hub's prefix."""
    return [
        (r"/rosetta/sessions/([0-9a-f]{64})", LoginSessionHandler),
        (r"/rosetta/login-renewals", CodesHandler),
        (r"/rosetta/login", LoginRedirect, {"service_prefix": service_prefix}),
        (r"/rosetta/login-renewal", RenewalHandler),
    ]
