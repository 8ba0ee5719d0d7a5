"""Logging in by way of the page `login`: with a code typed in, and with a browser here."""

import asyncio
import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from rosetta_hub.accounts.client_logins import challenge_of
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.audit.queries import AuditFilter, AuditQueries
from tests.rights.conftest import Answer, Site
from tests.support.eventually import until

from .conftest import Run

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VERIFIER = "v" * 43
NOTHING = {"ROSETTA_HUB": None, "ROSETTA_TOKEN": None}


@pytest.fixture(autouse=True)
def quick_logins(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs ask without a pause."""
    monkeypatch.setattr("rosetta_hub.web.client_logins_api.INTERVAL", 0)
    monkeypatch.setattr("rosetta_hub.accounts.client_logins.INTERVAL", 0)


async def post(site: Site, fields: list[tuple[str, str]], user: str = "alice") -> Answer:
    """The form of the page, as it is sent."""
    return await site.fetch("POST", "login", user, urlencode(fields).encode(), FORM)


def agree(*rights: str, days: str = "7", **hidden: str) -> list[tuple[str, str]]:
    values = [("rights", right) for right in rights]
    return [*hidden.items(), *values, ("days", days), ("decision", "allow")]


async def begin(site: Site, client: str = "laptop") -> dict[str, str]:
    body = {"client": client, "challenge": challenge_of(VERIFIER)}
    answer: dict[str, str] = await site.call("POST", "api/v1/client-logins", body, token="")
    return answer


async def finish(site: Site, secret: str, verifier: str = VERIFIER) -> tuple[int, dict[str, str]]:
    body = json.dumps({"secret": secret, "verifier": verifier}).encode()
    answer = await site.fetch("POST", "api/v1/client-logins/token", "", body)
    return answer.status, answer.json()


async def test_rosetta_login_with_a_code(rosetta: Run, site: Site, tmp_path: Path) -> None:
    hub = f"http://127.0.0.1:{site.port}"
    login = asyncio.create_task(rosetta("login", hub, "--no-browser", **NOTHING))
    logins = site.parts.client_logins

    def shown() -> str | None:
        return next((str(login.typed_code) for login in logins._logins.values()), None)

    await until(shown)
    code = str(shown())
    page = await post(site, [("code", code.lower())])
    assert page.status == 200
    assert b"Let <code>rosetta</code> on" in page.body
    assert b"Start, stop, delete and share tasks" in page.body
    assert (await post(site, agree("see", "enter", code=code))).status == 200
    result = await login
    assert (result.code, result.out) == (0, f"Logged in to {hub}/ as alice.\n"), result.err
    assert f"Open {hub}/services/rosetta/login in a browser, and type in the code" in result.err
    (value,) = site.hub.tokens.values()
    assert value["note"].startswith("rosetta on ")
    assert value["scopes"] == [
        *("access:services!service=rosetta", "read:servers!user", "access:servers!user"),
    ]
    created = AuditFilter(event=AuditEvent.TOKEN_CREATE)
    ((record,),) = AuditQueries(site.parts.database).batches(created)
    assert (record.actor, record.detail["rights"]) == ("alice", ["see", "enter"])
    assert record.detail["seconds"] == 7 * 86400
    # It can do what it was given, and is deleted by logging out.
    assert (await rosetta("ls", **NOTHING)).code == 0
    refused = await rosetta("start", "echo", **NOTHING)
    assert refused.code == 3
    assert "lacks the scope 'servers'" in refused.err
    assert (await rosetta("logout", **NOTHING)).code == 0
    assert site.hub.tokens == {}
    assert "made" not in (tmp_path / ".config" / "rosetta" / "config.json").read_text()


async def test_rosetta_login_with_a_browser(rosetta: Run, site: Site, tmp_path: Path) -> None:
    """The browser is a program that writes the address down; the test is its user."""
    hub, text = f"http://127.0.0.1:{site.port}", tmp_path / "address"
    browser = tmp_path / "browser.py"
    browser.write_text(
        f"import pathlib, sys\npathlib.Path({str(text)!r}).write_text(sys.argv[1])\n"
    )
    command = f"{sys.executable} {browser} %s"
    login = asyncio.create_task(rosetta("login", hub, BROWSER=command, **NOTHING))
    await until(lambda: text.exists() and text.read_text())
    address = text.read_text()
    query = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
    page = await site.fetch("GET", f"login?{urlencode(query)}", "alice")
    policy = page.headers["content-security-policy"]
    assert f"form-action 'self' http://127.0.0.1:{query['port']};" in policy
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.body.decode()))
    hidden.pop("_xsrf")
    assert hidden == query
    # Somebody who does not know the state is no answer.
    stranger = await ask_listener(int(query["port"]), "/?code=x&state=guessed")
    assert stranger.startswith(b"HTTP/1.0 404")
    answer = await post(site, agree("see", **hidden))
    assert answer.status == 303
    back = urlsplit(answer.headers["location"])
    assert (back.hostname, back.port) == ("127.0.0.1", int(query["port"]))
    assert b"200" in await ask_listener(int(query["port"]), f"/?{back.query}")
    result = await login
    assert (result.code, result.out) == (0, f"Logged in to {hub}/ as alice.\n"), result.err
    site.hub.tokens.clear()


async def ask_listener(port: int, path: str) -> bytes:
    """What the waiting command answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


async def test_refused_in_the_browser(site: Site) -> None:
    result = await begin(site)
    assert (await finish(site, result["secret"]))[1]["type"].endswith(":login-pending")
    refusal = [("code", result["code"]), ("decision", "refuse")]
    assert b"gets no access" in (await post(site, refusal)).body
    status, problem = await finish(site, result["secret"])
    assert (status, problem["detail"]) == (400, "The login was refused in the browser.")
    assert (await finish(site, result["secret"]))[1]["type"].endswith(":login-unknown")


async def test_only_who_has_begun_it_gets_the_token_and_once(site: Site) -> None:
    start = await begin(site)
    assert (await post(site, agree("see", code=start["code"]))).status == 200
    status, problem = await finish(site, start["secret"], "w" * 43)
    assert (status, problem["type"][-14:]) == (400, ":login-unknown")
    status, result = await finish(site, start["secret"])
    assert (status, result["user"]) == (201, "alice")
    assert (await finish(site, start["secret"]))[0] == 400
    # The code, too, is used up.
    assert b"No program shows this code" in (await post(site, [("code", start["code"])])).body
    site.hub.tokens.clear()


async def test_a_code_is_not_taken_from_the_address(site: Site) -> None:
    result = await begin(site)
    page = await site.fetch("GET", f"login?code={result['code']}", "alice")
    assert page.status == 422
    assert result["code"].encode() not in page.body


@pytest.mark.parametrize(
    "changes",
    [
        {"port": "80"},
        {"port": "70000"},
        {"port": "1234@evil.example"},
        {"state": "a b"},
        {"challenge": "short"},
        {"client": "<script>"},
        {"next": "https://evil.example"},
    ],
)
async def test_the_page_leads_to_a_port_here_and_nowhere_else(
    site: Site, changes: dict[str, str]
) -> None:
    good = {"client": "laptop", "challenge": "c" * 43, "port": "5000", "state": "s"}
    answer = await site.fetch("GET", f"login?{urlencode({**good, **changes})}", "alice")
    assert answer.status == 422
    posted = await post(site, agree("see", **{**good, **changes}))
    assert posted.status != 303 or "evil" not in posted.headers["location"]


@pytest.mark.parametrize(
    "form", [agree(), agree("see", days="1000"), agree("see", days="x"), agree("all")]
)
async def test_what_can_not_be_agreed_to(site: Site, form: list[tuple[str, str]]) -> None:
    result = await begin(site)
    assert (await post(site, [("code", result["code"]), *form])).status == 422
    assert (await finish(site, result["secret"]))[1]["type"].endswith(":login-pending")


async def test_guessing_codes_ends_soon(site: Site) -> None:
    statuses = [(await post(site, [("code", "BBBB-BBBB")], "bob")).status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    assert (await post(site, [("code", "BBBB-BBBB")], "carol")).status == 200


async def test_nobody_is_let_in_who_is_not_logged_in(site: Site) -> None:
    answer = await site.fetch("GET", "login", "")
    assert "/hub/api/oauth2/authorize" in answer.headers["location"]
