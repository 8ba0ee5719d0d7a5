"""How the service writes its log: a line a record, as text or as JSON."""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

TEXT_FORMAT = "[%(levelname)1.1s %(asctime)s %(name)s%(request)s] %(message)s"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

# The request that is answered now; empty outside of requests.
request_id: ContextVar[str] = ContextVar("request_id", default="")


# Control characters (Cc), what breaks lines elsewhere, what turns the direction of writing, and
# halves of characters, which no file takes.
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_INDENT = "    "


def escape_unsafe(text: str) -> str:
    r"""The text on one line, with `\x1b` for an escape: names of users may hold anything."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def escape_lines(text: str) -> str:
    """Lines, such as those of a traceback: each is indented, so that none looks like a record."""
    return "\n".join(_INDENT + escape_unsafe(line) for line in text.split("\n"))


class TextFormatter(logging.Formatter):
    """For administrators. A record is a line; the lines of a traceback below it are indented."""

    def __init__(self) -> None:
        super().__init__(TEXT_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """The record, with the id of its request."""
        current = request_id.get()
        record.request = f" {current}" if current else ""
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as logging calls it
        """The record without its traceback."""
        record.message = escape_unsafe(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - as logging calls it
        """The traceback."""
        return escape_lines(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - as logging calls it
        """The stack of a record that asks for it."""
        return escape_lines(super().formatStack(stack_info))


class JsonFormatter(logging.Formatter):
    """For programs: one JSON object a line, whatever a message holds."""

    def format(self, record: logging.LogRecord) -> str:
        """The record: `time` (ISO 8601, UTC), `level`, `logger`, `message`, and what there is."""
        document = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            document["request"] = current
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document)


def set_up_logging(level: str, as_json: bool) -> None:
    """Write the log of this process to standard error; what was set up before is replaced."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
