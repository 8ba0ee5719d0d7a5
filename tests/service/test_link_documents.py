"""What pages are told of providers and links to repositories."""

from collections.abc import AsyncIterator
from typing import get_args

import pytest
import pytest_asyncio
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from rosetta_hub.builds.links import Kind, parse_link
from rosetta_hub.builds.source_settings import Provider, SourceSettings
from rosetta_hub.hub.link_redirect import LinkRedirect
from rosetta_hub.web.link_documents import link_document, provider_document

SERVICE = "/services/rosetta/"


def test_every_kind_of_provider_has_a_form() -> None:
    documents = [provider_document("x", Provider(kind=kind, name="X")) for kind in get_args(Kind)]
    assert all(document["repositoryLabel"] and document["example"] for document in documents)


def test_a_gitlab_of_the_site_has_its_host() -> None:
    own = Provider(kind="gitlab", name="Our GitLab", url="https://git.example.org:8443/sub")
    document = provider_document("our", own)
    assert (document["id"], document["host"]) == ("our", "git.example.org:8443")
    assert (document["quoted"], document["hasRef"]) == (True, True)


@pytest.mark.parametrize("prefix", SourceSettings().all_providers)
def test_the_examples_of_the_form_are_links(prefix: str) -> None:
    settings = SourceSettings()
    document = provider_document(prefix, settings.all_providers[prefix])
    repository = document["example"]
    if document["quoted"]:
        repository = repository.replace(":", "%3A").replace("/", "%2F")
    spec = f"{repository}/HEAD" if document["hasRef"] else repository
    link = parse_link(prefix, spec, kinds=settings.kinds)
    result = link_document(link, settings.all_providers[prefix])
    assert result["repository"] in document["example"]
    assert result["providerName"] == document["name"]


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[str]:
    """The address of a hub that has only the redirect."""
    routes = [(r"/base/hub/v2/.*", LinkRedirect, {"service_prefix": f"/base{SERVICE}"})]
    server = HTTPServer(Application(routes))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/base/hub/v2/"
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize(
    "link",
    [
        "gh/octo/hello/feature/x?labpath=a%20b.ipynb&computing=vega",
        "gl/group%2Fsub%2Fproject/main",
        "git/https%3A%2F%2Fgit.example.org%2Fhub%2Fv2%2Fx/HEAD",
        "/evil.example.org/",
    ],
)
async def test_the_hubs_links_lead_to_the_service_unchanged(hub: str, link: str) -> None:
    client = AsyncHTTPClient()
    answer = await client.fetch(hub + link, follow_redirects=False, raise_error=False)
    assert answer.code == 302
    assert answer.headers["Location"] == f"/base{SERVICE}v2/{link}"
