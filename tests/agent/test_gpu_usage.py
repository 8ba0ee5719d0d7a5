"""What nvidia-smi tells of a task's GPUs; the program is a stand-in for it."""

import sys
from pathlib import Path

import pytest

from rosetta_agent.gpu_usage import Gpu, GpuMeter, GpuUsage, add_up, choose_gpus, parse_gpus
from rosetta_agent.spec import Gpus
from tests.support.waiting import wait_until

MEBIBYTE = 1 << 20
# As nvidia-smi 550 prints it, the last one divided (MIG).
ANSWER = """\
0, GPU-aaaa, 80, 1024, 40960
1, GPU-bbbb, 20, 3072, 40960
2, GPU-cccc, [N/A], [N/A], 40960
"""
FIRST = Gpu("0", "GPU-aaaa", 80.0, 1024 * MEBIBYTE, 40960 * MEBIBYTE)
SECOND = Gpu("1", "GPU-bbbb", 20.0, 3072 * MEBIBYTE, 40960 * MEBIBYTE)


def test_gpus_that_tell_all() -> None:
    assert parse_gpus(ANSWER) == [FIRST, SECOND]
    assert parse_gpus("No devices were found\n") == []


@pytest.mark.parametrize(
    ("gpus", "choice"),
    [
        # A job is shown its own one, as number 0.
        (Gpus(2, ("6", "7")), [FIRST, SECOND]),
        (Gpus(1, ("1",)), [SECOND]),
        (Gpus(1, ("GPU-bbbb",)), [SECOND]),
        (Gpus(1), [FIRST]),
        (Gpus(1, ("9",)), []),
    ],
)
def test_the_gpus_of_a_task(gpus: Gpus, choice: list[Gpu]) -> None:
    assert choose_gpus([FIRST, SECOND], gpus) == choice


def test_gpus_together() -> None:
    assert add_up([FIRST, SECOND]) == GpuUsage(50.0, 4096 * MEBIBYTE, 81920 * MEBIBYTE)
    assert add_up([]) is None


def put_program(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    program = folder / "new"
    program.write_text(f"#!{sys.executable} -IS\n{code}\n")
    program.chmod(0o755)
    # One that runs can be replaced, but not written to.
    program.replace(folder / "nvidia-smi")
    monkeypatch.setenv("PATH", str(folder))


def test_the_program_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_program(tmp_path, monkeypatch, f"import sys; assert len(sys.argv) == 3; print({ANSWER!r})")
    meter = GpuMeter(Gpus(1, ("1",)))
    # Whoever reports does not wait for it.
    assert meter.read() is None
    wait_until(meter.read, 60, "an answer of nvidia-smi")
    assert meter.read() == GpuUsage(20.0, 3072 * MEBIBYTE, 40960 * MEBIBYTE)
    monkeypatch.setattr("rosetta_agent.gpu_usage._OUTDATED_SECONDS", 0)
    assert meter.read() is None


def test_a_machine_without_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    meter = GpuMeter(Gpus(1))
    assert meter.read() is None
    thread = meter._thread
    assert thread is not None
    thread.join(30)
    assert not thread.is_alive()
    assert meter.read() is None


def test_a_program_that_fails_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosetta_agent.gpu_usage._INTERVAL_SECONDS", 0.01)
    put_program(tmp_path, monkeypatch, "raise SystemExit(9)")
    meter = GpuMeter(Gpus(2))
    assert meter.read() is None
    put_program(tmp_path, monkeypatch, f"print({ANSWER!r})")
    wait_until(meter.read, 60, "an answer of nvidia-smi")
