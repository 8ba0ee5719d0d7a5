"""Mails about accounts: sent beside the tasks' mails, and their secrets deleted."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_mail import AccountMail
from rosetta_hub.mail import account_mails
from rosetta_hub.mail.transport import MailServerUnavailable

from .conftest import Post
from .server import Mailbox

LINK = "http://localhost:8000/hub/account/reset?token=s3cret"
CONTEXT = {"link": LINK, "lifetime": "30 minutes"}
ADDRESS = "alice@example.org"


def queue_reset(post: Post, expires: datetime | None = None) -> None:
    """A mail with a link that opens alice's account."""
    with post.database.session() as session:
        account_mails.queue(
            session, post.settings.keys(), "reset", ADDRESS, CONTEXT, "alice", expires
        )


def rows(post: Post) -> list[AccountMail]:
    with post.database.session() as session:
        return list(session.scalars(select(AccountMail)))


async def test_an_account_mail_arrives_before_those_of_tasks(post: Post, mailbox: Mailbox) -> None:
    post.run(post.start())
    queue_reset(post)
    await post.sender.step()
    mail, other = mailbox.mails
    assert mail.recipients == [ADDRESS]
    assert mail.message["Subject"] == "Set a new password for http://localhost:8000"
    assert other.message["Subject"] == "Echo is running"
    plain, page = (mail.message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert page is not None
    assert plain.get_content().startswith("Somebody, probably you,")
    assert f"    {LINK}\r\n" in plain.get_content()
    assert f'href="{LINK}"' in page.get_content()
    assert "the user alice" in page.get_content()


async def test_the_link_is_stored_encrypted_and_deleted_after_sending(
    post: Post, mailbox: Mailbox
) -> None:
    queue_reset(post)
    (row,) = rows(post)
    assert b"s3cret" not in (row.context or b"")
    assert "s3cret" not in repr(row)
    await post.sender.step()
    await post.sender.step()
    (row,) = rows(post)
    assert (row.state, row.context, len(mailbox.mails)) == ("sent", None, 1)


async def test_a_server_that_does_not_answer_gets_one_message_id(
    post: Post, mailbox: Mailbox
) -> None:
    queue_reset(post)
    mailbox.break_off = True
    with pytest.raises(MailServerUnavailable):
        await post.sender.step()
    mailbox.break_off = False
    await post.sender.step()
    assert len(mailbox.mails) == 1
    assert len(mailbox.texts) == 2
    assert len(set(mailbox.texts)) == 1


async def test_an_expired_mail_is_not_sent(post: Post, mailbox: Mailbox) -> None:
    queue_reset(post, expires=utc_now() - timedelta(seconds=1))
    await post.sender.step()
    (row,) = rows(post)
    assert (row.state, row.context, mailbox.mails) == ("dropped", None, [])


async def test_a_mail_that_cannot_be_written_stops_no_other(
    post: Post, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    with post.database.session() as session:
        account_mails.queue(session, post.settings.keys(), "reset", ADDRESS, {"lifetime": "1 h"})
    queue_reset(post)
    await post.sender.step()
    assert len(mailbox.mails) == 1
    assert "can't be written" in caplog.text
    assert sorted(row.state for row in rows(post)) == ["dropped", "sent"]


async def test_old_rows_are_deleted(post: Post) -> None:
    queue_reset(post)
    await post.sender.step()
    with post.database.session() as session:
        session.query(AccountMail).update({"created": utc_now() - timedelta(days=8)})
    await post.sender.step()
    assert rows(post) == []


async def test_mails_to_a_deleted_user_are_deleted(post: Post) -> None:
    queue_reset(post)
    with post.database.session() as session:
        account_mails.delete_user(session, "bob")
        account_mails.delete_user(session, "alice")
    assert rows(post) == []


async def test_an_unknown_template_is_refused_at_once(post: Post) -> None:
    with (
        pytest.raises(ValueError, match="account_nothing"),
        post.database.session() as session,
    ):
        account_mails.queue(session, post.settings.keys(), "nothing", ADDRESS, {})
