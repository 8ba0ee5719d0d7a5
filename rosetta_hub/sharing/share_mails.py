"""Mails to users with whom a task has been shared."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_mail import AccountMail
from rosetta_hub.database.models_sharing import TaskShare
from rosetta_hub.keys import Keys
from rosetta_hub.mail import account_mails
from rosetta_hub.mail.preferences import read_preferences
from rosetta_hub.tasks.task_urls import page_url
from rosetta_hub.users.dates import format_moment, zone_of

TEMPLATE = "shared"
# Mails to one user within a day: others decide how many there are to be.
MOST = 20
PERIOD = timedelta(days=1)


class ShareMails:
    """Tells users that a task is shared with them, where they want to be told."""

    def __init__(self, database: Database, settings: Rosetta, keys: Keys) -> None:
        self._database = database
        self._settings = settings
        self._keys = keys

    def queue(self, task: Task, share: TaskShare) -> None:
        """Queue the mail about a share with a user: once for each task and user within a week.

        Nothing is sent after the share's end, nor where the user has had too many already.
        """
        settings, user = self._settings, share.name
        if not settings.mail_available:
            return
        with self._database.session() as session:
            preferences = read_preferences(session, user, str(settings.mail_domain))
            if (
                preferences.address is None
                or not preferences.shared
                or _recent(session, user) >= MOST
            ):
                return
            context = {
                "sharer": share.created_by,
                "name": task.name,
                "link": page_url(task, settings),
                "until": format_moment(share.until, zone_of(session, user)) if share.until else "",
                "choices": f"{settings.hub_origin}{settings.service_prefix}account#mail",
            }
            expires = utc_now() + account_mails.LIFETIME
            account_mails.queue(
                session,
                self._keys,
                TEMPLATE,
                preferences.address,
                context,
                user,
                min(expires, share.until or expires),
                f"{TEMPLATE} {task.id} {user}",
            )


def _recent(session: Session, user: str) -> int:
    query = select(func.count()).select_from(AccountMail)
    since = utc_now() - PERIOD
    of_user = (AccountMail.user == user, AccountMail.template == TEMPLATE)
    return session.scalar(query.where(*of_user, AccountMail.created > since)) or 0
