"""The long text form of `qstat -f`, the same in Torque and in PBS."""

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.dialects.dialect import parse_clock, unreadable
from rosetta_hub.resources.inventory import Partition

Record = dict[str, str]


def parse_records(text: str, head: str) -> dict[str, Record]:
    """Records (`Job Id: 12.host`, `Queue: batch`) by their name, their lines as key and value.

    A line that begins with a tab goes on with the one before; so does, in old versions, one
    without ` = `.

    Raises:
        ResourceUnavailable: the text does not begin with a record.
    """
    records: dict[str, Record] = {}
    record: Record | None = None
    key = ""
    for line in text.splitlines():
        if line.startswith(head):
            record = records.setdefault(line[len(head) :].strip(), {})
        elif record is None and line.strip():
            raise unreadable("qstat", text)
        elif record is not None and line.startswith("    ") and " = " in line:
            key, _, value = line.strip().partition(" = ")
            record[key] = value
        elif record is not None and line.strip() and key:
            record[key] += line.strip()
    return records


def parse_queues(text: str) -> tuple[Partition, ...]:
    """The execution queues of `qstat -Q -f`, with their time limit.

    Raises:
        ResourceUnavailable: the text can't be read.
    """
    records = parse_records(text, "Queue: ")
    if not records:
        raise ResourceUnavailable("qstat lists no queue")
    return tuple(
        Partition(
            name=name,
            state=_state(record),
            max_time=parse_clock(record.get("resources_max.walltime", "")),
        )
        for name, record in records.items()
        if record.get("queue_type", "Execution") in ("Execution", "E")
    )


def _state(record: Record) -> str:
    if record.get("enabled", "True") != "True":
        return "inactive"
    return "up" if record.get("started", "True") == "True" else "down"
