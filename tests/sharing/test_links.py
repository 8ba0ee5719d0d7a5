"""Links that share: whom they let in, how often, and why not."""

import asyncio
from datetime import timedelta

import pytest

from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_sharing import ShareLink
from rosetta_hub.errors import Conflict, HubUnavailable, NotAllowed, NotFound, UserError
from rosetta_hub.hub.shares import Kind
from rosetta_hub.sharing.records import NewLink
from rosetta_hub.sharing.view import share_id

from .fakes import Office

HOUR = timedelta(hours=1)


def make_link(office: Office, task: Task, uses: int = 1, users: tuple[str, ...] = ()) -> str:
    """The code of a new link."""
    new = NewLink(utc_now() + HOUR, uses, users, utc_now() + HOUR)
    return office.sharing.records.add_link(task, new, "alice")[1]


def change(office: Office, code: str, **values: object) -> None:
    """Let something have happened to a link."""
    link = office.sharing.records.find_link(code)
    assert link is not None
    with office.tasks.database.session() as session:
        row = session.get(ShareLink, link.id)
        for name, value in values.items():
            setattr(row, name, value)


def uses_left(office: Office, code: str) -> int:
    """How often a link may still be used."""
    link = office.sharing.records.find_link(code)
    assert link is not None
    return link.uses_left


async def test_a_link_shares_once_for_each_user(office: Office, task: Task) -> None:
    code = make_link(office, task, uses=2)
    for _ in range(2):
        accepted, _ = await office.sharing.accept(code, "bob")
    assert (accepted.id, uses_left(office, code)) == (task.id, 1)
    row = office.sharing.records.find(task, "user", "bob")
    assert row is not None
    assert row.link_id is not None
    assert row.until is not None


async def test_the_code_is_not_kept(office: Office, task: Task) -> None:
    code = make_link(office, task)
    (link,) = office.sharing.records.links(task)
    values = [str(getattr(link, column.name)) for column in ShareLink.__table__.columns]
    assert code not in values
    assert len(code) >= 43


async def test_two_come_for_the_last_use(office: Office, task: Task) -> None:
    code = make_link(office, task)
    office.hub.users |= {f"user{number}" for number in range(5)}
    results = await asyncio.gather(
        *(office.sharing.accept(code, f"user{number}") for number in range(5)),
        return_exceptions=True,
    )
    refused = [item for item in results if isinstance(item, Conflict)]
    assert len(refused) == 4
    assert "as often as it may" in str(refused[0])
    assert len(office.hub.shares) == 1


def test_the_database_gives_the_last_use_once(office: Office, task: Task) -> None:
    """Without the lock of one process, as of two services that share a database."""
    code = make_link(office, task)
    link = office.sharing.records.find_link(code)
    assert link is not None
    assert [office.sharing.records.take_use(link) for _ in range(2)] == [True, False]


async def test_nothing_is_used_up_by_a_refusal(office: Office, task: Task) -> None:
    code = make_link(office, task)
    office.hub.refuse = Conflict("No such server")
    with pytest.raises(Conflict):
        await office.sharing.accept(code, "bob")
    assert uses_left(office, code) == 1
    office.hub.refuse = None
    await office.sharing.accept(code, "carol")


async def test_whoever_got_no_answer_comes_again(office: Office, task: Task) -> None:
    code = make_link(office, task)
    office.hub.refuse = HubUnavailable("no answer")
    with pytest.raises(HubUnavailable):
        await office.sharing.accept(code, "bob")
    office.hub.refuse = None
    await office.sharing.accept(code, "bob")
    with pytest.raises(Conflict, match="as often as it may"):
        await office.sharing.accept(code, "carol")


@pytest.mark.parametrize(
    ("user", "values", "error", "words"),
    [
        ("alice", {}, Conflict, "your own task"),
        ("bob", {"ended": utc_now()}, Conflict, "alice has withdrawn"),
        ("bob", {"expires": utc_now() - HOUR}, Conflict, "has expired"),
        ("bob", {"until": utc_now() - HOUR}, Conflict, "has expired"),
        ("bob", {"uses_left": 0}, Conflict, "as often as it may"),
        ("bob", {"users": ["carol"]}, NotAllowed, "meant for others: you are logged in as bob"),
        ("bob", {"refused": ["bob"]}, NotAllowed, "has been ended"),
    ],
)
async def test_a_sentence_for_each_reason(
    office: Office,
    task: Task,
    user: str,
    values: dict[str, object],
    error: type[UserError],
    words: str,
) -> None:
    code = make_link(office, task)
    change(office, code, **values)
    with pytest.raises(error, match=words) as refusal:
        await office.sharing.accept(code, user)
    assert str(refusal.value).endswith(".")
    assert office.hub.shares == set()


async def test_an_ended_task_and_a_deleted_one(office: Office, task: Task) -> None:
    code = make_link(office, task)
    task = office.tasks.stopped(office.tasks.request_stop(task))
    with pytest.raises(Conflict, match="The task has ended"):
        await office.sharing.accept(code, "bob")
    office.tasks.delete(task)
    with pytest.raises(NotFound, match="leads nowhere"):
        await office.sharing.accept(code, "bob")


async def test_who_was_put_out_does_not_come_back_by_the_link(office: Office, task: Task) -> None:
    code = make_link(office, task, uses=5)
    await office.sharing.accept(code, "bob")
    await office.sharing.end(task, share_id("user", "bob"))
    with pytest.raises(NotAllowed, match="has been ended"):
        await office.sharing.accept(code, "bob")
    await office.sharing.accept(code, "carol")


async def test_none_gets_in_who_comes_while_all_is_ended(office: Office, task: Task) -> None:
    """The owner ends everything while the hub is being asked to let somebody in."""
    code, grant = make_link(office, task, uses=5), office.hub.grant_share
    ends: list[asyncio.Task[None]] = []

    async def grant_late(user: str, server: str, kind: Kind, name: str) -> None:
        ends.append(asyncio.create_task(office.sharing.end_all(task)))
        for _ in range(9):
            await asyncio.sleep(0)
        await grant(user, server, kind, name)

    office.hub.grant_share = grant_late  # type: ignore[method-assign]
    await office.sharing.accept(code, "bob")
    await ends[0]
    assert office.hub.shares == set()


async def test_the_next_of_that_name_is_not_meant(office: Office, task: Task) -> None:
    code = make_link(office, task, users=("bob",))
    office.sharing.delete_user("bob")
    for name in ("bob", "carol"):
        with pytest.raises(Conflict, match="withdrawn"):
            await office.sharing.accept(code, name)


async def test_a_link_that_has_ended_leaves_its_guests(office: Office, task: Task) -> None:
    code = make_link(office, task, uses=5)
    await office.sharing.accept(code, "bob")
    (link,) = office.sharing.records.links(task)
    assert (await office.sharing.end(task, link.id)) is not None
    with pytest.raises(Conflict, match="withdrawn"):
        await office.sharing.accept(code, "carol")
    assert [share.name for share in await office.sharing.shares(task)] == ["bob"]


async def test_a_task_has_so_many_links(
    office: Office, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosetta_hub.sharing.records.MOST_LINKS", 2)
    for _ in range(2):
        make_link(office, task)
    with pytest.raises(Conflict, match="2 links, which is the most"):
        make_link(office, task)
