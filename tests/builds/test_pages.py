"""Pages and API of links and builds: who sees what, and that a link alone does nothing."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.builds.builds import Builds
from rosetta_hub.builds.errors import SourceRefused
from rosetta_hub.builds.links import RepositoryLink
from rosetta_hub.builds.records import BuildRecords, end
from rosetta_hub.builds.settings import load_builds
from rosetta_hub.builds.source import RepositorySource
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models_builds import Build, BuildState
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.service.users import build_account_parts
from rosetta_hub.software.library import Library
from rosetta_hub.software.settings import UserSoftwareRules
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.users.session_end import OpenStreams
from rosetta_hub.web.application import build_application
from rosetta_hub.web.auth import build_hub_auth
from rosetta_hub.web.page_templates import PageTemplates
from rosetta_hub.web.services import Services
from tests.support.databases import open_sqlite
from tests.support.sharing import no_sharing

from .fake_builder import FakeBuilder

SERVICE = "/services/rosetta/"
LINK = "gh/octo/hello/main?labpath=a%20b.ipynb&computing=vega&size=large&port=8787"
SOURCE = RepositorySource("gh", "https://github.com/octo/hello", "a" * 40, "main", "octo/hello")
BUILDERS = ("alice", "bob", "reads")
HERE = {"id": "here", "name": "Here", "container_engines": ["podman"]}


async def user_for_token(token: str, **_: Any) -> dict[str, Any] | None:
    """What the hub says of a token, which is the user's name here."""
    groups = ["builders"] if token in BUILDERS else []
    verbs = ("read:servers",) if token == "reads" else ("servers", "read:servers")
    scopes = ["access:services!service=rosetta", *(f"{verb}!user={token}" for verb in verbs)]
    return {"name": token, "kind": "user", "admin": False, "groups": groups, "scopes": scopes}


class KnownUsers:
    """Nobody has left."""

    async def recognise(self, name: str, created: object) -> None:
        """Nothing is kept of users here."""


@dataclass
class Site:
    """A service that builds, with a builder that makes nothing."""

    base: str
    services: Services
    records: BuildRecords
    builder: FakeBuilder

    async def fetch(self, method: str, path: str, user: str, body: Any = None) -> HTTPResponse:
        """A request of a user's."""
        return await AsyncHTTPClient().fetch(
            f"{self.base}{SERVICE}{path}",
            method=method,
            headers={"Authorization": f"token {user}", "Content-Type": "application/json"},
            body=None if body is None else json.dumps(body),
            raise_error=False,
            follow_redirects=False,
        )

    async def ask(self, user: str = "alice") -> dict[str, Any]:
        """Ask for the build of the link; returns its document."""
        body = {"provider": "gh", "spec": "octo/hello/main"}
        answer = await self.fetch("POST", "api/v1/builds", user, body)
        return cast(dict[str, Any], json.loads(answer.body))

    def finish(self, build_id: str) -> None:
        """Have the build end with an image."""
        self.builder.images["localhost/rosetta-builds/hello:1"] = 1

        def finish(row: Build) -> None:
            row.image = "localhost/rosetta-builds/hello:1"
            row.recipe = {
                "pack": "dockerfile",
                "port": 8888,
                "interface_auth": "jupyter",
                "command": [],
            }
            end(row, BuildState.DONE, "The image is ready.")

        self.records.update(build_id, finish)


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """The service; members of `builders` may build."""

    async def resolve(link: RepositoryLink, _settings: object) -> RepositorySource:
        if link.ref == "nowhere":
            raise SourceRefused("The repository has no branch or tag 'nowhere'.")
        return replace(SOURCE, name=link.repository)

    monkeypatch.setattr("rosetta_hub.builds.builds.resolve", resolve)
    monkeypatch.setattr("rosetta_hub.builds.builds.packs_version", lambda _settings: "1")
    settings = Rosetta(tasks_url="http://127.0.0.1", state_dir=str(tmp_path / "state"))
    keys, database = settings.keys(), open_sqlite(tmp_path)
    build_settings = load_builds({"groups": ["builders"]})
    assert build_settings is not None
    records, builder = BuildRecords(database, JobEvents()), FakeBuilder()
    auth = build_hub_auth(settings, keys)
    auth.user_for_token = user_for_token
    parts: dict[str, Any] = dict.fromkeys(field.name for field in fields(Services))
    parts |= {"audit": AuditLog(database), "streams": OpenStreams()}
    parts |= no_sharing(database, auth, keys)
    parts["account"] = build_account_parts(database, settings, keys)
    parts |= {"settings": settings, "keys": keys, "hub_auth": auth}
    parts |= {"templates": PageTemplates([], {})}
    parts["builds"] = Builds(build_settings, records, builder, Logs(tmp_path / "logs", 4096))
    parts["users"] = KnownUsers()
    catalogue = load_catalogue([], [HERE])
    parts["library"] = Library(catalogue, database, UserSoftwareRules(), "/services/rosetta/")
    services = Services(**parts)
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(build_application(services, b"secret"))
    server.add_sockets(sockets)
    yield Site(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", services, records, builder)
    server.stop()
    await server.close_all_connections()
    database.close()
    # JupyterHub's own thread for calls that block.
    auth._pool.submit(lambda: auth._thread_loop.close()).result()
    auth._pool.shutdown()


async def test_a_link_shows_what_it_stands_for_and_builds_nothing(site: Site) -> None:
    page = await site.fetch("GET", f"v2/{LINK}", "alice")
    assert page.code == 200
    text = page.body.decode()
    assert "<h1>octo/hello</h1>" in text
    # What of the link the page's script asks the API for, in the one spelling that it has.
    value = "gh/octo/hello/main?urlpath=doc/tree/a%2520b.ipynb&amp;computing=vega&amp;size=large"
    assert f'data-path="{value}&amp;port=8787"' in text
    answer = await site.fetch("GET", f"api/v1/links/{LINK}", "alice")
    assert json.loads(answer.body) == {
        **{"provider": "gh", "spec": "octo/hello/main", "repository": "octo/hello"},
        **{"url": SOURCE.url, "ref": "main", "commit": SOURCE.commit, "built": False},
        "places": ["here"],
        **{"urlpath": "doc/tree/a%20b.ipynb", "computing": "vega", "size": "large", "port": 8787},
    }
    assert site.builder.built == []
    assert site.records.of_user("alice") == []


async def test_a_slash_that_is_quoted_is_part_of_the_name(site: Site) -> None:
    for path in ("v2/gl/group%2Fsub%2Fproject/main", "api/v1/links/gl/group%2Fsub%2Fproject/main"):
        answer = await site.fetch("GET", path, "alice")
        assert (answer.code, b"group/sub/project" in answer.body) == (200, True)


async def test_what_is_built_is_found(site: Site) -> None:
    build = await site.ask()
    path = "api/v1/links/gh/octo/hello/main"
    assert json.loads((await site.fetch("GET", path, "alice")).body)["built"] is False
    site.finish(build["id"])
    assert json.loads((await site.fetch("GET", path, "alice")).body)["built"] is True
    # It was removed from the builder.
    site.builder.images.clear()
    assert json.loads((await site.fetch("GET", path, "alice")).body)["built"] is False


@pytest.mark.parametrize("path", ["v2/", "v2", "v2/?add", f"v2/{LINK}", "builds"])
async def test_whoever_may_not_build_reads_why(site: Site, path: str) -> None:
    refused = await site.fetch("GET", path, "carol")
    assert refused.code == 200
    assert b"You may not build software of repositories." in refused.body
    allowed = await site.fetch("GET", path, "alice")
    assert b"You may not build" not in allowed.body


async def test_the_api_refuses_what_the_pages_hide(site: Site) -> None:
    body = {"provider": "gh", "spec": "octo/hello/main"}
    for answer in (
        await site.fetch("GET", "api/v1/links/gh/octo/hello/main", "carol"),
        await site.fetch("POST", "api/v1/builds", "carol", body),
    ):
        assert answer.code == 403
        assert "may not build" in json.loads(answer.body)["detail"]
    assert site.builder.built == []


async def test_nothing_of_anothers_build_is_shown(site: Site) -> None:
    build = (await site.ask("alice"))["id"]
    assert (await site.fetch("GET", f"builds/{build}", "alice")).code == 200
    for path in (f"builds/{build}", f"api/v1/builds/{build}", f"api/v1/builds/{build}/log"):
        answer = await site.fetch("GET", path, "bob")
        assert (answer.code, b"octo/hello" in answer.body) == (404, False)
    assert b"octo/hello" not in (await site.fetch("GET", "api/v1/builds", "bob")).body


async def test_faults_of_a_link_are_told(site: Site) -> None:
    page = await site.fetch("GET", "v2/gh/octo", "alice")
    assert page.code == 400
    assert b"Write USER/REPOSITORY/REF instead of" in page.body
    answer = await site.fetch("GET", "api/v1/links/gh/octo/hello/nowhere", "alice")
    assert answer.code == 422
    assert "no branch or tag" in json.loads(answer.body)["detail"]


async def test_a_hub_that_builds_nothing_has_none_of_it(site: Site) -> None:
    builds, site.services.__dict__["builds"] = site.services.builds, None
    for path in ("v2/", f"v2/{LINK}", "builds", f"builds/{'b' * 12}", f"api/v1/links/{LINK}"):
        answer = await site.fetch("GET", path, "alice")
        assert (answer.code, b"not built here" in answer.body) == (404, True)
    site.services.__dict__["builds"] = builds


async def test_what_was_built_becomes_software_of_those_who_asked(site: Site) -> None:
    build = (await site.ask("alice"))["id"]
    path = f"api/v1/builds/{build}/software"
    assert (await site.fetch("POST", path, "alice", {})).code == 409
    site.finish(build)
    first = await site.fetch("POST", path, "alice", {})
    again = await site.fetch("POST", path, "alice", {})
    assert (first.code, again.code) == (201, 200)
    assert first.body == again.body
    document = json.loads(first.body)
    assert (document["name"], document["version"]) == ("hello", "1")
    library, alice, bob = site.services.library, User("alice"), User("bob")
    assert list(library.catalogue_for(alice).software) == [document["family"]]
    # Bob did not ask for it.
    assert (await site.fetch("POST", path, "bob", {})).code == 404
    assert list(library.catalogue_for(bob).software) == []
    await site.ask("bob")
    assert (
        json.loads((await site.fetch("POST", path, "bob", {})).body)["family"] != document["family"]
    )


async def test_a_token_that_may_not_start_asks_for_nothing(site: Site) -> None:
    body = {"provider": "gh", "spec": "octo/hello/main"}
    answer = await site.fetch("POST", "api/v1/builds", "reads", body)
    assert answer.code == 403
    assert "lacks the scope 'servers'" in json.loads(answer.body)["detail"]
    assert site.records.of_user("reads") == []


async def test_the_page_says_so_where_nothing_could_be_kept(site: Site) -> None:
    site.services.library.rules = UserSoftwareRules(groups=frozenset({"others"}))
    page = await site.fetch("GET", f"v2/{LINK}", "alice")
    assert b"You may not add software here." in page.body
