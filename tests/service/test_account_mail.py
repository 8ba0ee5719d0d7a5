"""Which mails users get, and that an address counts once its owner has confirmed it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_mail import AccountMail, MailConfirmation
from rosetta_hub.mail.preferences import read_preferences
from rosetta_hub.users.emails import add_email

from .account import Site, tag
from .account import site as site
from .conftest import Bench

NEW = "alice@example.net"


def links(site: Site, bench: Bench) -> list[tuple[str, str]]:
    """Addresses and links of the mails that wait, oldest first."""
    with site.database.session() as session:
        mails = session.query(AccountMail).order_by(AccountMail.created).all()
    contexts = [json.loads(bench.keys.database.decrypt(mail.context or b"")) for mail in mails]
    assert {mail.template for mail in mails} <= {"address"}
    return [(str(m.address), c["link"]) for m, c in zip(mails, contexts, strict=True)]


def codes(site: Site, bench: Bench) -> list[str]:
    """The codes in these links."""
    return [link.partition("account/confirm?code=")[2] for _, link in links(site, bench)]


async def confirm(site: Site, code: str, token: str = "of-alice") -> int:
    """Use a code; returns the status."""
    return (await site.call("POST", "account/mail/confirm", {"code": code}, token))[0]


async def test_an_address_counts_once_its_owner_has_confirmed_it(site: Site, bench: Bench) -> None:
    status, mail = await site.call("PUT", "account/mail", {"address": f" {NEW} "})
    assert (status, mail["address"], mail["pending"]) == (200, "alice@example.org", NEW)
    [(address, link)] = links(site, bench)
    assert address == NEW
    assert link.startswith("http://localhost:8000/services/rosetta/account/confirm?code=")
    # Opening the link, as a mail scanner does, changes nothing.
    page = await site.fetch("GET", link.partition("rosetta/")[2], None, "of-alice")
    assert (page.code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert (await site.mail_of("of-alice"))["address"] == "alice@example.org"
    [code] = codes(site, bench)
    assert await confirm(site, code) == 200
    mail = await site.mail_of("of-alice")
    assert (mail["address"], mail["pending"]) == (NEW, None)
    with site.database.session() as session:
        assert read_preferences(session, "alice", "example.org").address == NEW
        row = session.get(MailConfirmation, "alice")
        assert row is not None
        assert code not in repr(vars(row))


async def test_a_code_works_once_for_its_user_until_there_is_a_newer_one(
    site: Site, bench: Bench
) -> None:
    await site.call("PUT", "account/mail", {"address": NEW})
    await site.call("PUT", "account/mail", {"address": "alice@example.com"})
    first, second = codes(site, bench)
    for code, token in ((first, "of-alice"), (second, "of-bob"), ("", "of-alice")):
        assert await confirm(site, code, token) == 409
    assert await confirm(site, second) == 200
    assert await confirm(site, second) == 409
    assert (await site.mail_of("of-alice"))["address"] == "alice@example.com"
    assert (await site.mail_of("of-bob"))["address"] == "bob@example.org"


async def test_a_code_is_of_no_use_after_a_day_or_another_choice(site: Site, bench: Bench) -> None:
    await site.call("PUT", "account/mail", {"address": NEW})
    with site.database.session() as session:
        row = session.get(MailConfirmation, "alice")
        assert row is not None
        row.expires = utc_now() - timedelta(seconds=1)
    assert (await site.mail_of("of-alice"))["pending"] is None
    await site.call("PUT", "account/mail", {"address": "alice@example.com"})
    await site.call("PUT", "account/mail", {"address": None})
    assert [await confirm(site, code) for code in codes(site, bench)] == [409, 409]
    assert (await site.mail_of("of-alice"))["address"] is None


async def test_what_was_confirmed_meanwhile_is_not_overwritten(site: Site, bench: Bench) -> None:
    first = await site.mail_of("of-alice")
    _, waits = await site.call("PUT", "account/mail", {"address": NEW}, match=tag(first))
    # The other window knows nothing of the address that waits, and must not end the wait.
    for match, expected in ((tag(first), 412), ("", 428)):
        body = {"address": first["address"], "failed": False}
        assert (await site.call("PUT", "account/mail", body, match=match))[0] == expected
    assert await site.mail_of("of-alice") == waits
    assert await confirm(site, codes(site, bench)[0]) == 200
    status, answer = await site.call("PUT", "account/mail", {"failed": False}, match=tag(waits))
    assert (status, answer["type"]) == (412, "urn:rosetta-hub:problem:changed-meanwhile")
    present = await site.mail_of("of-alice")
    assert (present["address"], present["failed"]) == (NEW, True)
    status, _ = await site.call("PUT", "account/mail", {"failed": False}, match=tag(present))
    assert status == 200


async def test_nobody_fills_a_mailbox(site: Site, bench: Bench) -> None:
    for number in range(5):
        body = {"address": f"{number}@example.net"}
        assert (await site.call("PUT", "account/mail", body))[0] == 200
    status, answer = await site.call("PUT", "account/mail", {"address": NEW})
    assert (status, len(links(site, bench))) == (409, 5)
    assert "tomorrow" in answer["detail"]
    # The count goes on when one changes one's mind; what needs no mail works.
    await site.call("PUT", "account/mail", {"address": None})
    assert (await site.call("PUT", "account/mail", {"address": NEW}))[0] == 409
    default = {"address": "alice@example.org"}
    assert (await site.call("PUT", "account/mail", default))[1]["address"] == "alice@example.org"


async def test_what_is_confirmed_already_needs_no_mail(site: Site, bench: Bench) -> None:
    with site.database.session() as session:
        add_email(session, "alice", "Alice@Example.net", "institute")
    _, mail = await site.call("PUT", "account/mail", {"address": NEW})
    assert (mail["address"], mail["pending"]) == (NEW, None)
    _, mail = await site.call("PUT", "account/mail", {"address": NEW, "failed": False})
    assert (mail["address"], mail["failed"]) == (NEW, False)
    assert links(site, bench) == []


async def test_what_is_left_out_stays(site: Site) -> None:
    await site.call("PUT", "account/mail", {"started": False})
    _, mail = await site.call("PUT", "account/mail", {"address": None})
    assert (mail["address"], mail["started"], mail["failed"]) == (None, False, True)
    with site.database.session() as session:
        assert read_preferences(session, "alice", "example.org").address is None


@pytest.mark.parametrize(
    "body",
    [
        {"address": "alice"},
        {"address": "alice@example.org\r\nBcc: eve@example.org"},
        {"address": "alice@example.org, eve@example.org"},
        {"address": "<alice@example.org>"},
        {"address": "x" * 250 + "@example.org"},
        {"address": 7},
        {"started": "yes"},
        {"user": "bob"},
    ],
)
async def test_what_is_no_choice(site: Site, body: dict[str, Any]) -> None:
    assert (await site.call("PUT", "account/mail", body))[0] == 422
    assert (await site.mail_of("of-alice"))["address"] == "alice@example.org"
