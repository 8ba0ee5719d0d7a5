"""How the service writes its log: a line a record, as text or as JSON."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

TEXT_FORMAT = "[%(levelname)1.1s %(asctime)s %(name)s%(request)s] %(message)s"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

# The request that is answered now; empty outside of requests.
request_id: ContextVar[str] = ContextVar("request_id", default="")


class TextFormatter(logging.Formatter):
    """For people. A message of several lines, such as a traceback, stays one."""

    def __init__(self) -> None:
        super().__init__(TEXT_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """The record, with the id of its request."""
        current = request_id.get()
        record.request = f" {current}" if current else ""
        return super().format(record)


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
