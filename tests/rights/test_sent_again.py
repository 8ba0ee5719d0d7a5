"""Requests that took effect although they were answered with an error, and are sent again."""

import json
from typing import Any

import pytest

from rosetta_hub.builds.records import end
from rosetta_hub.database.models_builds import Build, BuildState
from rosetta_hub.errors import DatabaseUnavailable
from rosetta_hub.users.idempotency import IdempotencyKeys, RequestKey

from .conftest import Answer, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")
BUILD = {"provider": "gh", "spec": "octo/hello/other", "again": True}
INVITATION = {"days": 7, "uses": 3}


async def post(site: Site, path: str, body: Any, token: str) -> Answer:
    """A request with a key, which is the same each time."""
    headers = {"Idempotency-Key": "again", "Content-Type": "application/json"}
    return await site.fetch("POST", path, token, json.dumps(body).encode(), headers)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No answer can be kept, until it is undone."""

    def fail(store: IdempotencyKeys, key: RequestKey, _answer: object) -> None:
        store.leave(key)
        raise DatabaseUnavailable("The disk is full.")

    monkeypatch.setattr(IdempotencyKeys, "succeed", fail)
    return monkeypatch


async def test_an_invitation(site: Site, full_disk: pytest.MonkeyPatch) -> None:
    path = "api/v1/admin/accounts/invitations"
    before = await site.fetch("GET", "api/v1/admin/accounts", "root")
    assert (await post(site, path, INVITATION, "root")).status == 503
    full_disk.undo()
    answer = await post(site, path, INVITATION, "root")
    assert answer.status == 201
    assert (await post(site, path, INVITATION, "root")).json() == answer.json()
    after = await site.fetch("GET", "api/v1/admin/accounts", "root")
    ids = [invitation["id"] for invitation in before.json()["invitations"]]
    assert [
        invitation["id"]
        for invitation in after.json()["invitations"]
        if invitation["id"] not in ids
    ] == [answer.json()["id"]]


async def test_a_build(site: Site, full_disk: pytest.MonkeyPatch) -> None:
    assert (await post(site, "api/v1/builds", BUILD, "alice")).status == 503
    full_disk.undo()
    records = site.parts.builds.records
    build = records.of_user("alice")[0]

    def fail(row: Build) -> None:
        end(row, BuildState.FAILED, "It failed.")

    records.update(build.id, fail)
    again = await post(site, "api/v1/builds", BUILD, "alice")
    assert (again.status, again.json()["id"], again.json()["state"]) == (200, build.id, "failed")
