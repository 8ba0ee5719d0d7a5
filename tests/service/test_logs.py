"""The bounded log."""

from pathlib import Path

from rosetta_hub.tasks.logs import Logs


def test_the_oldest_lines_go_and_offsets_go_on(tmp_path: Path) -> None:
    logs = Logs(tmp_path, limit=100)
    offset = 0
    for number in range(50):
        line = f"line {number}\n"
        logs.append("t", 1, offset, line)
        offset += len(line)
    text = logs.read("t", 1)
    assert text.endswith("line 49\n")
    assert text.startswith("line ")
    assert len(text) <= 100
    assert logs.received("t", 1) == offset


def test_a_gap_is_taken_as_it_is(tmp_path: Path) -> None:
    logs = Logs(tmp_path, limit=1000)
    logs.append("t", 1, 0, "a\n")
    assert logs.append("t", 1, 10, "b\n") == "b\n"
    assert logs.received("t", 1) == 12


def test_attempts_do_not_mix(tmp_path: Path) -> None:
    logs = Logs(tmp_path, limit=1000)
    logs.append("t", 1, 0, "first\n")
    logs.append("t", 2, 0, "second\n")
    assert (logs.read("t", 1), logs.read("t", 2)) == ("first\n", "second\n")
    assert logs.tail("t", 2, 5) == ["second"]
    logs.append("t", 2, 100, "later\n")
    logs.append("other", 1, 0, "other\n")
    logs.remove("t", 2)
    assert (logs.read("t", 1), logs.received("t", 2)) == ("", 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other-1.log"]


def test_two_attempts_are_kept(tmp_path: Path) -> None:
    logs = Logs(tmp_path, limit=1000)
    for attempt in (1, 2, 3, 10):
        logs.append("t", attempt, 0, f"{attempt}\n")
    logs.append("other", 1, 0, "other\n")
    logs.keep_two("t", 3)
    assert [logs.read("t", number) for number in (1, 2, 3, 10)] == ["", "2\n", "3\n", "10\n"]
    assert logs.read("other", 1) == "other\n"
