"""`rosetta share`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import click

from rosetta_client.cli.find import find_task
from rosetta_client.cli.output import Column, Form, form_options, show_items
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.models import NewLinkView, NewShare, NewShareLink

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_COLUMNS = (
    Column("ID", lambda share: share.id),
    Column("WITH", lambda share: f"{share.kind}:{share.name}" if _has_name(share) else "link"),
    Column("UNTIL", lambda share: share.until or ""),
    Column("ADDRESS", lambda share: getattr(share, "url", "")),
)


def parse_time(text: str) -> timedelta | datetime:
    """`3h`, `2d`, or a time of ISO 8601, in this machine's zone where it names none.

    Raises:
        BadParameter: it is something else.
    """
    match = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    if match:
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone()
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a duration such as 3h or 2d, nor a time."
        ) from None


@click.command("share")
@click.argument("task")
@click.option("--with", "names", multiple=True, metavar="NAME", help="A user, or group:NAME.")
@click.option("--link", is_flag=True, help="Make a link that shares with whoever opens it.")
@click.option(
    "--uses",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many the link admits.",
)
@click.option("--expires", type=parse_time, default="7d", show_default=True, help="The link's end.")
@click.option("--until", type=parse_time, help="End of the shares, as 3h, 2d or 2030-01-31T18:00.")
@click.option("--end", "ends", multiple=True, metavar="ID", help="End a share, or 'all'.")
@form_options
@pass_session
def share_command(
    session: Session,
    task: str,
    names: Sequence[str],
    link: bool,
    uses: int,
    expires: timedelta | datetime,
    until: timedelta | datetime | None,
    ends: Sequence[str],
    form: Form,
) -> None:
    """Share TASK, an id or a name. Without options, show with whom it is shared."""
    client, task_id = session.client, find_task(session.client, task).id
    now = client.transport.now()
    end = None if until is None else _iso(until, now)
    for share in ends:
        client.end_shares(task_id) if share == "all" else client.end_share(task_id, share)
    new_shares = [_share_with(name, end) for name in names]
    if link:
        new_shares.append(
            NewShare(link=NewShareLink(expires=_iso(expires, now), uses=uses), until=end)
        )
    results = [client.share_task(task_id, new_share) for new_share in new_shares]
    if results:
        show_items(results, _COLUMNS, form)
    elif not ends:
        shares = client.list_shares(task_id)
        show_items([*shares.shares, *shares.links], _COLUMNS, form)


def _share_with(name: str, until: str | None) -> NewShare:
    kind, colon, rest = name.partition(":")
    if colon and kind == "group":
        return NewShare(group=rest, until=until)
    return NewShare(user=rest if colon and kind == "user" else name, until=until)


def _iso(time: timedelta | datetime, now: float) -> str:
    if isinstance(time, timedelta):
        time = datetime.fromtimestamp(now, timezone.utc) + time
    return time.isoformat()


def _has_name(share: Any) -> bool:
    return hasattr(share, "name") and not isinstance(share, NewLinkView)
