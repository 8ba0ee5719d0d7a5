"""Mails on their way to a real mail server: encrypted, logged in, late, refused, never twice."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_mail import MailState
from rosetta_hub.mail.preferences import Preferences, find_problem, write_preferences
from rosetta_hub.mail.transport import MailServerUnavailable
from rosetta_hub.tasks.report import Report

from .conftest import Post
from .server import PASSWORD, USER, Mailbox, serve


def choose(post: Post, user: str, preferences: Preferences) -> None:
    """A user's choice of mails."""
    with post.database.session() as session:
        write_preferences(session, user, preferences)


async def test_a_mail_arrives_encrypted_and_logged_in(post: Post, mailbox: Mailbox) -> None:
    task = post.run(post.start(name="one"))
    await post.sender.step()
    (mail,) = mailbox.mails
    assert (mail.encrypted, mail.login) == (True, USER)
    assert mail.recipients == ["alice@users.example.org"]
    assert mail.message["Subject"] == "Echo is running"
    assert mail.message["From"] == "Our hub <hub@example.org>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    link = f"http://localhost:8000/services/rosetta/open/{task.id}"
    plain, page = (mail.message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert page is not None
    assert link in plain.get_content()
    assert f'href="{link}"' in page.get_content()
    assert "This machine" in plain.get_content()
    assert post.mails() == [("started", "sent")]
    await post.sender.step()
    assert len(mailbox.mails) == 1


async def test_no_secret_is_in_a_mail(post: Post, mailbox: Mailbox) -> None:
    task, keys = post.run(post.start()), post.settings.keys()
    await post.sender.step()
    (mail,) = mailbox.mails
    for secret in (keys.agent_secret(task.id, 1), keys.interface_password(task.id, 1), PASSWORD):
        assert secret not in mail.message.as_string()


async def test_a_failure_says_why(post: Post, mailbox: Mailbox) -> None:
    task = post.start()
    post.tasks.fail(task, "unsupported", "<b>no engine</b>")
    await post.sender.step()
    (mail,) = mailbox.mails
    assert mail.message["Subject"] == "Echo has failed"
    plain, page = (mail.message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert page is not None
    assert "can't run this task: <b>no engine</b>" in plain.get_content()
    assert "&lt;b&gt;no engine" in page.get_content()
    assert f"/services/rosetta/tasks/{task.id}" in plain.get_content()


async def test_tls_from_the_first_byte(offline: Post, certificate: Path, mailbox: Mailbox) -> None:
    async with serve(mailbox, certificate, tls=True) as port:
        offline.settings.smtp_port, offline.settings.smtp_security = port, "tls"
        offline.settings.smtp_user = ""
        offline.run(offline.start())
        await offline.sender.step()
    assert len(mailbox.mails) == 1


async def test_names_of_users_are_no_headers(post: Post, mailbox: Mailbox) -> None:
    def rename(row: Task) -> None:
        row.name = "Größe\r\nBcc: eve@example.org\r\n\r\nHello"

    post.tasks.update(post.run(post.start()), rename)
    await post.sender.step()
    (mail,) = mailbox.mails
    assert mail.recipients == ["alice@users.example.org"]
    assert mail.message["Subject"] == "Größe Bcc: eve@example.org Hello is running"
    assert mail.message["Bcc"] is None


# --- a server that is not there, or not as it should be ------------------------------------------


async def test_a_server_that_is_down_delays_mails_and_nothing_else(
    offline: Post, certificate: Path, mailbox: Mailbox
) -> None:
    async with serve(mailbox, certificate) as port:
        offline.settings.smtp_port = port
    task = offline.run(offline.start())
    assert task.state.value == "running"
    for _ in range(2):
        with pytest.raises(MailServerUnavailable, match="does not serve us"):
            await offline.sender.step()
    assert offline.mails() == [("started", "waiting")]
    async with serve(mailbox, certificate, port):
        await offline.sender.step()
    assert len(mailbox.mails) == 1


async def test_a_server_is_not_asked_again_at_once(
    offline: Post, monkeypatch: pytest.MonkeyPatch, certificate: Path, mailbox: Mailbox
) -> None:
    monkeypatch.setattr("rosetta_hub.mail.queue.FIRST_WAIT", timedelta(hours=1))
    async with serve(mailbox, certificate) as port:
        offline.settings.smtp_port = port
    offline.run(offline.start())
    with pytest.raises(MailServerUnavailable):
        await offline.sender.step()
    async with serve(mailbox, certificate, port):
        await offline.sender.step()
    assert mailbox.mails == []


async def test_without_starttls_nothing_leaves(offline: Post, mailbox: Mailbox) -> None:
    # Neither is there a login that would be missed.
    offline.settings.smtp_user = ""
    async with serve(mailbox, None) as port:
        offline.settings.smtp_port = port
        offline.run(offline.start())
        with pytest.raises(MailServerUnavailable, match="STARTTLS"):
            await offline.sender.step()
    assert (mailbox.asked, mailbox.mails) == ([], [])


async def test_a_certificate_that_nobody_vouches_for(
    post: Post, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    post.run(post.start())
    with pytest.raises(MailServerUnavailable, match=r"(?i)certificate"):
        await post.sender.step()
    assert mailbox.asked == []


async def test_a_wrong_password_waits_for_the_right_one(post: Post, mailbox: Mailbox) -> None:
    file = Path(post.settings.smtp_password_file)
    file.write_text("wrong")
    post.run(post.start())
    with pytest.raises(MailServerUnavailable) as error:
        await post.sender.step()
    assert "wrong" not in str(error.value)
    file.write_text(PASSWORD)
    await post.sender.step()
    assert len(mailbox.mails) == 1


# --- answers of the server -----------------------------------------------------------------------


async def test_an_address_that_is_refused_does_not_stop_the_others(
    post: Post, mailbox: Mailbox
) -> None:
    address = "eve@users.example.org"
    mailbox.refuse[address] = "550 no such user"
    post.run(post.start(user="eve"))
    post.run(post.start(user="bob"))
    await post.sender.step()
    assert [mail.recipients for mail in mailbox.mails] == [["bob@users.example.org"]]
    assert post.mails() == [("started", "refused"), ("started", "sent")]
    with post.database.session() as session:
        assert "550 no such user" in str(find_problem(session, "eve", address))
        assert find_problem(session, "eve", "other@example.org") is None
        assert find_problem(session, "bob", "bob@users.example.org") is None


async def test_later_means_later(post: Post, mailbox: Mailbox) -> None:
    mailbox.refuse["alice@users.example.org"] = "450 try later"
    post.run(post.start())
    await post.sender.step()
    assert post.mails() == [("started", "waiting")]
    mailbox.refuse.clear()
    await post.sender.step()
    assert len(mailbox.mails) == 1


async def test_a_service_killed_while_it_sends_does_not_send_again(
    post: Post, mailbox: Mailbox
) -> None:
    """And while the server is slow, tasks go on."""
    mailbox.let_on.clear()
    post.run(post.start(name="one"))
    step = asyncio.create_task(post.sender.step())
    await mailbox.holding.wait()
    assert post.run(post.start(name="two")).state.value == "running"
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert post.mails() == [("started", "sending"), ("started", "waiting")]
    mailbox.let_on.set()
    post.restart()
    await post.sender.step()
    assert post.mails() == [("started", "dropped"), ("started", "sent")]
    assert len(set(mailbox.texts)) == len(mailbox.texts) == 2


async def test_no_answer_is_asked_for_three_times_with_one_message_id(
    post: Post, mailbox: Mailbox
) -> None:
    mailbox.break_off = True
    post.run(post.start())
    for _ in range(3):
        with pytest.raises(MailServerUnavailable):
            await post.sender.step()
    await post.sender.step()
    assert len(mailbox.texts) == 3
    assert len(set(mailbox.texts)) == 1
    assert post.mails() == [("started", "dropped")]


# --- mails that are of no use any more -----------------------------------------------------------


async def test_news_of_yesterday_are_dropped(post: Post, mailbox: Mailbox) -> None:
    post.run(post.start())
    post.mark(MailState.WAITING, created=utc_now() - timedelta(days=1, minutes=1))
    await post.sender.step()
    assert (mailbox.mails, post.mails()) == ([], [("started", "dropped")])


@pytest.mark.parametrize("is_stopped", [True, False])
async def test_a_task_that_has_ended_meanwhile_is_not_said_to_run(
    post: Post, mailbox: Mailbox, is_stopped: bool
) -> None:
    task = post.run(post.start())
    if is_stopped:
        post.tasks.request_stop(task)
    else:
        ended = {"sequence": 9, "state": "failed", "reason": "exited", "exit_code": 0}
        post.tasks.report(task, Report.model_validate(ended))
    await post.sender.step()
    assert (mailbox.mails, post.mails()) == ([], [("started", "dropped")])


async def test_an_attempt_that_is_over_is_not_said_to_run(post: Post, mailbox: Mailbox) -> None:
    task = post.run(post.start())
    ended = {"sequence": 9, "state": "failed", "reason": "exited", "exit_code": 0}
    post.tasks.report(task, Report.model_validate(ended))
    post.run(post.start())
    await post.sender.step()
    assert post.mails() == [("started", "dropped"), ("started", "sent")]
    assert len(mailbox.mails) == 1


async def test_a_choice_counts_for_mails_that_wait(post: Post, mailbox: Mailbox) -> None:
    post.run(post.start(user="alice"))
    post.run(post.start(user="bob"))
    choose(post, "alice", Preferences("alice@example.org", started=False))
    choose(post, "bob", Preferences("bob@example.net"))
    await post.sender.step()
    assert [mail.recipients for mail in mailbox.mails] == [["bob@example.net"]]


async def test_a_deleted_task_takes_its_mails_along(post: Post, mailbox: Mailbox) -> None:
    task = post.start()
    post.tasks.delete(post.tasks.fail(task, "ports_exhausted"))
    await post.sender.step()
    assert (mailbox.mails, post.mails()) == ([], [])
