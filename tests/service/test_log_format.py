"""The service's log: a line a record, with the id of the request that a user was told."""

import json
import logging
import sys

import pytest

from rosetta_hub.log_format import JsonFormatter, TextFormatter, request_id
from rosetta_hub.tasks.manager import TaskManager

from .test_api import Site, site

__all__ = ["site"]


def record(message: str, *arguments: object, exc_info: object = None) -> logging.LogRecord:
    """A record as a logger makes it."""
    kind = logging.LogRecord("rosetta_hub.test", logging.WARNING, "", 0, message, arguments, None)
    kind.exc_info = exc_info  # type: ignore[assignment]
    return kind


def test_json_is_one_object_a_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        line = JsonFormatter().format(record("a %s", 'line\n{"break"', exc_info=sys.exc_info()))
    assert "\n" not in line
    document = json.loads(line)
    assert document["message"] == 'a line\n{"break"'
    assert (document["level"], document["logger"]) == ("warning", "rosetta_hub.test")
    assert "ValueError: two\nlines" in document["exception"]
    assert "request" not in document


FORGED = "a\n[I 2026-11-27 00:00:00,000 rosetta.audit] bob is an admin"


def test_a_name_can_not_forge_a_record() -> None:
    line = TextFormatter().format(record("the task %r of %s", FORGED, FORGED))
    assert "\n" not in line
    assert line.endswith(r"of a\n[I 2026-11-27 00:00:00,000 rosetta.audit] bob is an admin")


def test_a_name_can_not_drive_a_terminal() -> None:
    """Nor hide what stands in the log, nor keep a record out of it."""
    name = "\x1b]0;title\x07\x1b[2K\rx\x00\x85\u2028\u202e\u2066\ud800\ttab é"
    line = TextFormatter().format(record("task %s", name))
    line.encode()
    assert all(letter.isprintable() or letter == "\t" for letter in line), line
    assert r"\x1b]0;title\x07\x1b[2K\rx\x00\x85\u2028\u202e\u2066\ud800" in line
    assert line.endswith("\ttab é")


def test_a_traceback_stays_readable_and_forges_nothing() -> None:
    try:
        raise ValueError(FORGED + "\x1b[2K")
    except ValueError:
        text = TextFormatter().format(record("failed", exc_info=sys.exc_info()))
    first, *lines = text.split("\n")
    assert first.endswith("failed")
    assert any("raise ValueError(FORGED" in line for line in lines)
    assert all(line.startswith("    ") for line in lines)
    assert "\x1b" not in text


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_line_names_its_request(formatter: logging.Formatter) -> None:
    token = request_id.set("0123abcd")
    line = formatter.format(record("hello"))
    request_id.reset(token)
    assert "0123abcd" in line
    assert "0123abcd" not in formatter.format(record("hello"))


async def test_a_user_is_told_the_request_of_a_fault(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the log has the fault under the same id."""
    lines = list[str]()

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(TextFormatter().format(record))

    def break_down(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(TaskManager, "find", break_down)
    handler = Lines()
    logging.getLogger().addHandler(handler)
    try:
        answer = await site.fetch("GET", "api/v1/tasks/0123456789ab")
    finally:
        logging.getLogger().removeHandler(handler)
    assert answer.code == 500
    message = answer.headers["X-Request-Id"]
    assert json.loads(answer.body)["detail"].endswith(f"as request {message}.")
    assert any(message in line and "RuntimeError: broken" in line for line in lines)
    other = await site.fetch("GET", "health")
    assert other.headers["X-Request-Id"] not in ("", message)
