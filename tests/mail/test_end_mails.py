"""Mails about tasks that will be stopped: asked once, with a link to a button and no more."""

from datetime import timedelta

import pytest

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.lifetimes.lifetimes import Lifetimes
from rosetta_hub.mail.sender import MailSender

from .conftest import Post
from .server import Mailbox


@pytest.fixture
def settings(settings: Rosetta) -> Rosetta:
    """With lifetimes."""
    settings.lifetimes = [{"idle_timeout": "2h", "longest": "12h"}]
    settings.mail_after = 3600
    return settings


def ask(post: Post, **times: timedelta) -> Task:
    """A task about whose end its user is asked now; the times are how long ago."""
    post.sender = MailSender(post.database, post.settings, lifetimes(post))
    task = post.run(post.start())

    def change(row: Task) -> None:
        for name, ago in times.items():
            setattr(row, name, utc_now() - ago)
        row.end_announced = utc_now()

    return post.tasks.update(task, change)


def lifetimes(post: Post) -> Lifetimes:
    """Those of a service that has run for a day."""
    result = Lifetimes(post.settings.catalogue().lifetimes)
    result.began -= timedelta(days=1)
    return result


async def read(post: Post, mailbox: Mailbox) -> tuple[str, str]:
    """Both parts of the only mail."""
    await post.sender.step()
    (mail,) = mailbox.mails
    assert mail.message["Subject"] == "Echo will be stopped soon"
    plain, page = (mail.message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert page is not None
    return plain.get_content(), page.get_content()


async def test_an_idle_task_is_asked_about(post: Post, mailbox: Mailbox) -> None:
    task = ask(post, idle_since=timedelta(minutes=110))
    plain, page = await read(post, mailbox)
    end = lifetimes(post).end_of(task)
    assert end is not None
    assert f"will be stopped at {end.at:%H:%M} UTC, in about 10 min" in plain
    assert "after 2 h of that it is stopped" in plain
    link = f"http://localhost:8000/services/rosetta/tasks/{task.id}"
    assert f"    {link}\n" in plain.replace("\r", "")
    # The page with the button, not an address that acts when a scanner of mails follows it.
    assert f'href="{link}"' in page
    assert "Keep it running" in page


async def test_a_longest_lifetime_offers_nothing_to_keep(post: Post, mailbox: Mailbox) -> None:
    ask(post, started=timedelta(minutes=715))
    plain, page = await read(post, mailbox)
    assert "Such tasks run for 12 h at most." in plain
    assert "Save your work" in plain
    assert "Keep it running" not in page


async def test_a_task_that_was_kept_meanwhile_is_no_news(post: Post, mailbox: Mailbox) -> None:
    task = ask(post, idle_since=timedelta(minutes=110))
    post.tasks.update(task, lifetimes(post).keep)
    await post.sender.step()
    assert mailbox.mails == []
    assert post.mails() == [("end", "dropped")]


async def test_each_question_is_a_mail_of_its_own(post: Post, mailbox: Mailbox) -> None:
    """With a Message-ID of its own: readers hide what has come before."""
    task = ask(post, idle_since=timedelta(minutes=110))
    await post.sender.step()
    task = post.tasks.update(task, lifetimes(post).keep)
    later = utc_now() + timedelta(seconds=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rosetta_hub.mail.notifier.utc_now", lambda: later)
        patch.setattr("rosetta_hub.mail.queue.utc_now", lambda: later)
        post.tasks.update(task, lambda row: setattr(row, "end_announced", utc_now()))
        await post.sender.step()
    identities = [mail.message["Message-ID"] for mail in mailbox.mails]
    assert len(identities) == len(set(identities)) == 2
