"""Local accounts on a real hub: sign up, log in, reset; what attackers learn and get."""

import json
import re
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update

from rosetta_hub.database.database import Database
from rosetta_hub.database.models_local import Password
from rosetta_hub.database.models_mail import AccountMail
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.keys import Keys
from tests.spawners.hub import Hub, http_client, until

from .hub import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRONG = "violet tractor opens seven lakes"
OTHER = "green piano under nine clouds"
WRONG = "Invalid username or password"


@dataclass
class Letterbox:
    """The mails that the hub's process has queued."""

    database: Database
    keys: Keys

    async def link(self, address: str, template: str, count: int = 1) -> str:
        """The link of the newest mail, once there are `count` of them, as a path."""

        async def find() -> list[AccountMail]:
            query = select(AccountMail).where(
                AccountMail.address == address, AccountMail.template == template
            )
            with self.database.session() as session:
                rows = list(session.scalars(query.order_by(AccountMail.created)))
            return rows if len(rows) >= count else []

        rows = await until(find, f"{count} mails {template} to {address}")
        content = json.loads(self.keys.database.decrypt(rows[-1].context))
        return str(content["link"])


@pytest.fixture
def letterbox(hub: Hub, database: Database) -> Letterbox:
    """Mails of the module's hub."""
    return Letterbox(database, Keys(hub.directory / "state"))


@pytest_asyncio.fixture(loop_scope="module")
async def address(browser: Browser, name: str) -> str:
    """An address whose owner has an account, logged in in no browser."""
    return f"{name}@example.net"


async def sign_up(browser: Browser, letterbox: Letterbox, name: str, address: str) -> str:
    """The way to an account; returns the path of the mail's link."""
    await browser.client.get("/hub/sign-up")
    answer = await browser.post("/hub/sign-up", address=address)
    assert "Look into your mail" in answer.text
    link = await letterbox.link(address, "confirm")
    assert link.startswith(f"{browser.hub.url}/hub/sign-up/confirm?token=")
    # Scanners of mails open every link, and change nothing.
    async with http_client(follow_redirects=True) as scanner:
        assert "Create your account" in (await scanner.get(link)).text
    page = await browser.client.get(link, follow_redirects=True)
    assert page.url.query == b""
    assert page.headers["Referrer-Policy"] == "no-referrer"
    answer = await browser.post("/hub/sign-up/confirm", name=name, password=STRONG)
    assert "Your account is ready" in answer.text, answer.text
    return link


async def log_in(browser: Browser, name: str, password: str) -> httpx.Response:
    """With the form of the login page."""
    await browser.client.get("/hub/login")
    return await browser.post("/hub/login?next=%2Fhub%2Fhome", username=name, password=password)


async def test_from_sign_up_to_another_password(
    browser: Browser, second: Browser, letterbox: Letterbox, name: str, address: str
) -> None:
    link = await sign_up(browser, letterbox, name, address)
    assert await browser.whoami() is None
    again = await second.client.get(link, follow_redirects=True)
    assert (again.status_code, "does not work" in again.text) == (410, True)
    answer = await log_in(browser, name, STRONG)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/hub/home")
    assert await browser.whoami() == name
    token = await browser.token(name)
    # Somebody else asks for another password, from a browser of their own, as another host.
    await second.client.get("/hub/password/reset")
    second.client.headers["X-Forwarded-Host"] = "evil.example.com"
    answer = await second.post("/hub/password/reset", address=address)
    assert "Look into your mail" in answer.text
    link = await letterbox.link(address, "reset")
    assert link.startswith(f"{browser.hub.url}/hub/password/new?token=")
    assert "New password" in (await second.client.get(link, follow_redirects=True)).text
    answer = await second.post("/hub/password/new", password="password1")
    assert (answer.status_code, "very common" in answer.text) == (422, True)
    answer = await second.post("/hub/password/new", password=OTHER)
    assert "Your password is set" in answer.text
    # Nobody is logged in by it, and everybody is out.
    assert await second.whoami() is None
    assert await browser.whoami() is None
    assert await browser.status(token) == 403
    assert await letterbox.link(address, "changed")
    assert WRONG in (await log_in(browser, name, STRONG)).text
    assert (await log_in(browser, name, OTHER)).status_code == 302
    assert (await second.client.get(link, follow_redirects=True)).status_code == 410
    assert link.partition("token=")[2] not in browser.hub.log
    assert "Uncaught exception" not in browser.hub.log


async def test_answers_do_not_tell_who_has_an_account(
    browser: Browser, second: Browser, letterbox: Letterbox, name: str, address: str
) -> None:
    await sign_up(browser, letterbox, name, address)

    async def ask(path: str, **fields: str) -> tuple[int, str]:
        await second.client.get(path)
        answer = await second.post(path, **fields)
        text = re.sub(r'value="[^"]*"', "", answer.text).replace(await second.xsrf(), "")
        return answer.status_code, text

    stranger = f"other-{name}"
    for path in ("/hub/sign-up", "/hub/password/reset"):
        value = await ask(path, address=address)
        assert value == await ask(path, address=f"{stranger}@example.net")
    value = await ask("/hub/login", username=name, password=OTHER)
    assert value == await ask("/hub/login", username=stranger, password=OTHER)
    assert await letterbox.link(address, "taken")


async def test_the_api_is_no_way_around_the_throttle(
    browser: Browser, letterbox: Letterbox, name: str, address: str
) -> None:
    await sign_up(browser, letterbox, name, address)

    async def ask(password: str, real_ip: str = "192.0.2.1") -> int:
        body = {"auth": {"username": name, "password": password}}
        path, headers = f"/hub/api/users/{name}/tokens", {"X-Real-Ip": real_ip}
        answer = await browser.client.post(path, json=body, headers=headers)
        return answer.status_code

    await log_in(browser, name, STRONG)
    browser.client.cookies.clear()
    assert await ask(STRONG) == 201
    # From another address each time, as the client says.
    assert {await ask(f"guess {number}", f"198.51.100.{number}") for number in range(10)} == {403}
    assert await ask(STRONG, "203.0.113.1") == 403
    answer = await log_in(browser, name, STRONG)
    assert answer.status_code == 429
    assert "too many attempts" in answer.text
    assert int(answer.headers["Retry-After"]) > 0


async def test_forms_of_other_sites_are_refused(browser: Browser, address: str) -> None:
    for path in ("/hub/sign-up", "/hub/password/reset", "/hub/sign-up/confirm"):
        answer = await browser.client.post(path, data={"address": address})
        assert answer.status_code == 403, path


async def test_a_user_who_is_deleted_takes_the_account_along(
    browser: Browser, letterbox: Letterbox, name: str, address: str
) -> None:
    await sign_up(browser, letterbox, name, address)
    await log_in(browser, name, STRONG)
    assert (await browser.hub.api("DELETE", f"/users/{name}")).status_code == 204
    assert WRONG in (await log_in(browser, name, STRONG)).text
    # Made anew by an administrator: somebody else.
    assert (await browser.hub.api("POST", f"/users/{name}")).status_code == 201
    assert WRONG in (await log_in(browser, name, STRONG)).text


async def test_somebody_can_always_administrate(
    browser: Browser, database: Database, letterbox: Letterbox, name: str, address: str
) -> None:
    """The link of `account create --admin` is what makes an administrator."""
    await sign_up(browser, letterbox, name, address)
    with database.session() as session:
        session.execute(update(Password).where(Password.login == name).values(make_admin=True))
    await log_in(browser, name, STRONG)

    async def change(user: str, admin: bool) -> int:
        # A page of the hub gives the token against forgery.
        assert await browser.whoami() == name
        headers = {"X-XSRFToken": await browser.xsrf()}
        answer = await browser.client.patch(
            f"/hub/api/users/{user}", json={"admin": admin}, headers=headers
        )
        return answer.status_code

    assert await change(name, False) == 409
    assert (await browser.hub.api("DELETE", f"/users/{name}")).status_code == 409
    assert (await browser.hub.api("POST", f"/users/second-{name}")).status_code == 201
    assert await change(f"second-{name}", True) == 200
    with database.session() as session:
        # One who can't log in does not count.
        session.merge(HubUser(name=f"second-{name}", state=UserState.BLOCKED))
    assert await change(name, False) == 409
    with database.session() as session:
        session.merge(HubUser(name=f"second-{name}", state=UserState.ACTIVE))
    assert await change(name, False) == 200
