"""Who runs in an image: its user in numbers, and names for a user that it does not know."""

import re
from typing import List, NamedTuple, Optional

from rosetta_agent.bind_options import Owner
from rosetta_agent.errors import TaskFailure

#: Names that are safe in a line of passwd(5), whatever the account's directory says.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\Z")
_OTHER_NAME = "user"


class Names(NamedTuple):
    """The texts of an image's /etc/passwd and /etc/group; empty where it has none."""

    passwd: str = ""
    group: str = ""


def parse_user(text: str, names: Names) -> Owner:
    """The numbers of an image's user: "", a name or number, with or without a group.

    Without a group it is the one of the user's entry, else root's, as the engines do it.

    Raises:
        TaskFailure: the image does not know the name.
    """
    user, _colon, group = text.partition(":")
    entry = _entry(names.passwd, user or "0", 4)
    if user and not user.isdigit() and entry is None:
        raise _unknown(user)
    uid = int(entry[2]) if entry else int(user or "0")
    if group.isdigit():
        return Owner(uid, int(group))
    if group:
        group_entry = _entry(names.group, group, 3)
        if group_entry is None:
            raise _unknown(group)
        return Owner(uid, int(group_entry[2]))
    return Owner(uid, int(entry[3]) if entry else 0)


def group_of(uid: int, names: Names) -> int:
    """The group of a user of the image; a number of its own where it has no entry."""
    entry = _entry(names.passwd, str(uid), 4)
    return int(entry[3]) if entry else uid


def build_names(names: Names, user: Owner, name: str, home: Optional[str]) -> Names:
    """The image's names with those of ``user``, where it has none."""
    name_here = name if _NAME.match(name) and not _entry(names.passwd, name, 4) else _OTHER_NAME
    passwd, group = names.passwd, names.group
    if _entry(passwd, str(user.uid), 4) is None:
        line = "{}:x:{}:{}::{}:/bin/sh".format(name_here, user.uid, user.gid, home or "/")
        passwd = _append(passwd, line)
    if _entry(group, str(user.gid), 3) is None:
        group = _append(group, "{}:x:{}:".format(name_here, user.gid))
    return Names(passwd, group)


def _entry(text: str, key: str, numbers_end: int) -> Optional[List[str]]:
    """The first line with that name, or with that number in the third field."""
    column = 2 if key.isdigit() else 0
    for line in text.splitlines():
        fields = line.split(":")
        numbers = fields[2:numbers_end]
        complete = len(numbers) == numbers_end - 2 and all(field.isdigit() for field in numbers)
        if complete and fields[column] == key:
            return fields
    return None


def _append(text: str, line: str) -> str:
    before = text if not text or text.endswith("\n") else text + "\n"
    return before + line + "\n"


def _unknown(name: str) -> TaskFailure:
    message = "The image has no user or group {!r}.".format(name)
    return TaskFailure("unsupported", message, message)
