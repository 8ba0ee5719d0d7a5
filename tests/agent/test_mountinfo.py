"""What is mounted where."""

import pytest

from rosetta_agent.mountinfo import file_system_of, parse_mountinfo

MOUNTS = """\
16-22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
17-30 22 0:25 / /tmp rw,nosuid shared:5 - tmpfs tmpfs rw
18-31 22 0:40 / /scratch rw shared:6 master:2 - lustre 10.0.0.1@tcp:/fs rw
19-32 22 0:41 / /with\\040space rw - xfs /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/tmp/rosetta-1000/t-1", "tmpfs"),
        ("/tmpfiles", "ext4"),
        ("/scratch", "lustre"),
        ("/scratch/alice", "lustre"),
        ("/with space/x", "xfs"),
    ],
)
def test_file_system_of_a_path(path: str, expected: str) -> None:
    assert file_system_of(parse_mountinfo(MOUNTS), path) == expected
    assert file_system_of([], path) is None
