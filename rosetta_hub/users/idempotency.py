"""Requests that are carried out once, however often they are sent: `Idempotency-Key`.

After the draft of the IETF, "The Idempotency-Key HTTP Header Field". The answer of what has
succeeded is kept. A refused request (4xx) has changed nothing: its key is forgotten, and may come
with a corrected body. In between are requests of which nobody knows whether they took effect,
because they ended with an error (5xx), or the service was killed: such a request is carried out
again, and finds out by itself what an earlier attempt has done (`RequestAttempt`).
"""

import contextlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_user import IdempotentRequest
from rosetta_hub.errors import IdempotencyKeyReused, RequestInProgress, UserError
from rosetta_hub.keys import Keys, digest

KEPT = timedelta(hours=24)
_KEY = re.compile(r'"([!#-\[\]-~]{1,255})"|([!#-\[\]-~]{1,255})')


@dataclass(frozen=True)
class RequestKey:
    """Whose request it is, the key, and a digest of the request."""

    user: str
    key: str
    request: str


@dataclass(frozen=True)
class StoredAnswer:
    """What a request was answered: the status, and the body."""

    status: int
    body: str


@dataclass(frozen=True)
class RequestAttempt:
    """A request that is to be carried out; `began` is when it was first sent.

    `is_repeated`: an earlier attempt may have taken effect.
    """

    key: RequestKey
    began: datetime
    is_repeated: bool

    @property
    def seed(self) -> str:
        """A text that all attempts of the request have in common, and no other request has."""
        return f"{self.key.user} {self.key.key} {self.began.timestamp()}"


def new_id(attempt: RequestAttempt | None, digits: int) -> str:
    """An id of hexadecimal digits for what a request makes; all its attempts have the same one."""
    return (digest(attempt.seed) if attempt else secrets.token_hex(32))[:digits]


class IdempotencyKeys:
    """Keeps the keys of users and the answers, for `KEPT`."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys
        # What this process is carrying out. Other rows without an answer are of a former one.
        self._in_progress: set[tuple[str, str]] = set()

    def begin(self, key: RequestKey) -> StoredAnswer | RequestAttempt:
        """Note that a request begins; returns the answer where it was carried out before.

        Raises:
            RequestInProgress: it is being carried out.
            IdempotencyKeyReused: another request had the key.
        """
        with self._database.session() as session:
            row = session.get(IdempotentRequest, (key.user, key.key))
            if row is not None and row.began < utc_now() - KEPT:
                session.delete(row)
                session.flush()
                row = None
            is_repeated = row is not None
            if row is not None:
                answer = self._earlier(row, key)
                if answer is not None:
                    return answer
            else:
                row = IdempotentRequest(
                    user=key.user, key=key.key, request=key.request, began=utc_now()
                )
                session.add(row)
            began = row.began
        self._in_progress.add((key.user, key.key))
        return RequestAttempt(key, began, is_repeated)

    def succeed(self, key: RequestKey, answer: StoredAnswer) -> None:
        """Keep the answer."""
        encrypted = self._keys.database.encrypt(answer.body.encode())
        with self._ending(key), self._database.session() as session:
            row = session.get(IdempotentRequest, (key.user, key.key))
            # The user may have been deleted meanwhile.
            if row is not None:
                row.status, row.answer = answer.status, encrypted

    def fail(self, key: RequestKey) -> None:
        """Forget the key: the request has changed nothing, and may be sent again."""
        with self._ending(key), self._database.session() as session:
            row = session.get(IdempotentRequest, (key.user, key.key))
            if row is not None:
                session.delete(row)

    def leave(self, key: RequestKey) -> None:
        """Keep the key without an answer: nobody knows what the request has changed."""
        self._in_progress.discard((key.user, key.key))

    async def step(self) -> None:
        """Delete what is older than `KEPT`."""
        with self._database.session() as session:
            old = IdempotentRequest.began < utc_now() - KEPT
            session.execute(delete(IdempotentRequest).where(old))

    def delete_user(self, user: str) -> None:
        """Delete the keys of a user."""
        with self._database.session() as session:
            session.execute(delete(IdempotentRequest).where(IdempotentRequest.user == user))

    @contextlib.contextmanager
    def _ending(self, key: RequestKey) -> Iterator[None]:
        """However the block ends, the request is not in progress any more."""
        try:
            yield
        finally:
            self._in_progress.discard((key.user, key.key))

    def _earlier(self, row: IdempotentRequest, key: RequestKey) -> StoredAnswer | None:
        """The answer of an earlier attempt; None where the request is carried out once more."""
        if row.request != key.request:
            raise IdempotencyKeyReused(
                "Another request had this Idempotency-Key, and took effect, or may have done so."
                " Send each request with a key of its own."
            )
        if row.status is not None and row.answer is not None:
            return StoredAnswer(row.status, self._keys.database.decrypt(row.answer).decode())
        if (row.user, row.key) in self._in_progress:
            raise RequestInProgress(
                "The request with this Idempotency-Key is still being carried out. Send it again"
                " in a moment."
            )
        return None


def parse_key(header: str) -> str:
    """The key that a header holds, with or without quotes.

    Raises:
        UserError: it is none.
    """
    match = _KEY.fullmatch(header.strip())
    if match is None:
        raise UserError(
            "An Idempotency-Key has 1 to 255 letters, digits and signs, without spaces and quotes."
        )
    return match[1] or match[2]


def digest_request(method: str, path: str, body: bytes) -> str:
    """What tells one request from another."""
    return digest(f"{method} {path} {digest(body.decode('latin-1'))}")
