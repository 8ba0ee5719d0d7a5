"""What a standalone host says of itself."""

import os
from pathlib import Path

import pytest

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.host import ASK_COMMAND, parse_host

STAT = "1 (a (nasty) name) S " + " ".join(str(number) for number in range(4, 53))


async def test_a_real_machine() -> None:
    answer = await LocalAccess().run(ASK_COMMAND, "", 10)
    uid, boot = parse_host(answer.stdout)
    assert uid == os.getuid()
    assert boot.startswith(Path("/proc/sys/kernel/random/boot_id").read_text().strip())


def test_another_start_is_another_text() -> None:
    first = parse_host(f"id\n{STAT}\nName:\tcat\nUid:\t1003\t1003\n")
    assert first == (1003, "id 22")
    later = parse_host(f"id\n{STAT.replace(' 22 ', ' 99 ')}\nUid:\t1003\n")
    assert later != first


@pytest.mark.parametrize("text", ["", "Welcome!\n", "id\n1 (init) S 0\nUid:\t0\n", f"id\n{STAT}\n"])
def test_anything_else_is_no_answer(text: str) -> None:
    with pytest.raises(ResourceUnavailable):
        parse_host(text)
