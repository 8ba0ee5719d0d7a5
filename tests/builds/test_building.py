"""Real builds with podman: images, failures, limits against hostile steps, and what is left."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rosetta_hub.builds.builder import BuildFailed
from rosetta_hub.errors import ResourceUnavailable
from tests.support.eventually import until

from .building import BASE, Building, builds_folder, run

pytestmark = pytest.mark.system


@pytest.fixture(scope="session")
def bases() -> Iterator[Path]:
    """The directory of all builds here: they share the store of base images."""
    with builds_folder() as folder:
        yield folder


async def test_an_image_is_made_and_found_again(bases: Path) -> None:
    building = Building(bases)
    assert (await building.builder.base_digest()).isalnum()
    image = await building.build("COPY hello /", "RUN cat /hello", files={"hello": "from here\n"})
    assert building.steps == [(1, 3), (2, 3), (3, 3)]
    assert "from here\n" in building.log
    assert await building.builder.has(image)
    out = await run("podman", "image", "inspect", "--format", "{{.Id}}", image.reference)
    assert image.digest == f"sha256:{out.strip()}"
    assert building.left() == []
    await building.remove(image)
    assert not await building.builder.has(image)


async def test_what_podman_has_built_goes_to_docker(bases: Path) -> None:
    building = Building(bases, keep_in="docker")
    image = await building.build("RUN echo built > /made")
    out = await run("docker", "run", "--rm", image.reference, "cat", "/made")
    assert out == "built\n"
    await building.remove(image)
    assert not await building.builder.has(image)


async def test_the_failing_step_is_named(bases: Path) -> None:
    building = Building(bases)
    lines = "for n in $(seq 100); do echo line $n; done; exit 3"
    with pytest.raises(BuildFailed, match="Step 3 of 3 failed with exit status 3") as error:
        await building.build("RUN true", f"RUN {lines}")
    assert error.value.step == f"RUN {lines}"
    assert len(error.value.tail) == 40
    assert "line 100" in error.value.tail
    assert not error.value.transient
    assert building.left() == []


@contextmanager
def listening(address: str) -> Iterator[tuple[int, list[str]]]:
    """A server on a port of this machine, and who has connected to it."""
    connected: list[str] = []
    with socket.create_server((address, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, source = server.accept()
                except OSError:
                    return
                connected.append(source[0])
                peer.sendall(b"reached\n")
                peer.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], connected
        server.shutdown(socket.SHUT_RDWR)


def own_address() -> str:
    """An address of this machine that is not of the loopback network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def reach(address: str, port: int) -> str:
    """A step that tells whether a port is reached, and goes on in both cases."""
    script = f"exec 3<>/dev/tcp/{address}/{port} && cat <&3 || echo refused"
    return f"RUN timeout 5 bash -c '{script}'; echo done"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.2.2", "own", "172.17.0.1"])
async def test_no_port_of_the_machine_is_reached(bases: Path, address: str) -> None:
    building = Building(bases)
    with listening("0.0.0.0") as (port, connected):
        target = own_address() if address == "own" else address
        await building.remove(await building.build(reach(target, port)))
    assert connected == []
    assert "done\n" in building.log
    assert "reached" not in building.log.replace(reach(target, port), "")


async def test_downloads_of_the_engine_reach_no_port_either(bases: Path) -> None:
    building = Building(bases)
    with listening("0.0.0.0") as (port, connected):
        with pytest.raises(BuildFailed):
            await building.build(f"ADD http://{own_address()}:{port}/x /x")
        with pytest.raises(BuildFailed):
            await building.build(f"COPY --from=127.0.0.1:{port}/some/image /x /x")
    assert connected == []


async def test_a_port_that_is_allowed_is_reached(bases: Path) -> None:
    with listening("127.0.0.1") as (port, connected):
        building = Building(bases, allow_loopback_ports=[port])
        await building.remove(await building.build(reach("10.0.2.2", port)))
    assert "reached\n" in building.log
    assert len(connected) == 1


async def test_rules_can_not_be_changed(bases: Path) -> None:
    building = Building(bases)
    capabilities = "RUN grep CapBnd /proc/self/status"
    await building.remove(await building.build(capabilities))
    (line,) = [line for line in building.log.splitlines() if line.startswith("CapBnd:")]
    bits = int(line.split()[1], 16)
    # CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN of capabilities(7).
    assert [number for number in (12, 13, 21) if bits & 1 << number] == []


async def test_nothing_of_the_service_is_in_a_build(
    bases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "do-not-tell")
    building = Building(bases)
    await building.remove(
        await building.build("RUN env; cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
    )
    assert "PATH=" in building.log
    assert "do-not-tell" not in building.log
    assert "JUPYTERHUB" not in building.log


async def test_a_fork_bomb_is_stopped(bases: Path) -> None:
    building = Building(bases, time=20)
    bomb = "RUN bash -c 'for n in $(seq 1000); do sleep 60 & done; wait' || exit 7"
    with pytest.raises(BuildFailed, match="more than 100 processes"):
        await building.build(bomb)
    assert building.left() == []


async def test_a_full_disk_is_told(bases: Path) -> None:
    building = Building(bases)
    with pytest.raises(BuildFailed, match="more room on the disk") as error:
        await building.build("RUN dd if=/dev/zero of=/big bs=1M count=2000")
    assert error.value.step.startswith("RUN dd")
    assert building.left() == []


async def test_too_much_memory_is_told(bases: Path) -> None:
    building = Building(bases)
    with pytest.raises(BuildFailed, match="more memory"):
        await building.build("RUN head -c 2G /dev/zero | tail")
    assert building.left() == []


async def test_a_build_that_does_not_end_is_ended(bases: Path) -> None:
    # Enough for a busy machine to come to the step.
    building = Building(bases, time=10)
    with pytest.raises(BuildFailed, match="longer than 10 s") as error:
        await building.build("RUN sleep infinity")
    assert error.value.step == "RUN sleep infinity"
    assert building.left() == []


async def test_a_flood_of_output_is_cut(bases: Path) -> None:
    building = Building(bases, log="64K")
    with pytest.raises(BuildFailed) as error:
        await building.build("RUN head -c 50M /dev/zero | tr '\\0' 'x'; echo; echo last; exit 1")
    assert len(building.log) < 80 << 10
    assert "too long" in building.log
    assert "last" in error.value.tail


async def test_a_cancelled_build_leaves_nothing(bases: Path) -> None:
    building = Building(bases)
    task = asyncio.create_task(building.build("RUN sleep infinity"), name="build")
    await until(lambda: (2, 2) in building.steps)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert building.left() == []


async def test_the_program_is_killed_and_the_next_attempt_cleans_up(bases: Path) -> None:
    building = Building(bases)
    task = asyncio.create_task(building.build("RUN sleep infinity"), name="build")
    await until(lambda: (2, 2) in building.steps)
    os.kill(building.channels[-1].pid, signal.SIGKILL)
    with pytest.raises(ResourceUnavailable):
        await task
    assert building.left() != []
    await building.builder.clean_up(building.build_id)
    assert building.left() == []


async def test_a_limit_that_is_not_enforced_is_refused(bases: Path) -> None:
    building = Building(bases, engine="docker")
    with pytest.raises(BuildFailed, match=r"can't enforce all limits.*disk.*network") as error:
        await building.build("RUN true")
    assert error.value.transient
    assert set((await building.builder.check())["missing"]) == {"network", "disk"}


async def test_docker_builds_where_its_weaknesses_are_accepted(bases: Path) -> None:
    building = Building(bases, engine="docker", allow_weaker=["network", "disk"])
    # Docker knows the base image by the name that its own engine gave it.
    base = BASE.removeprefix("localhost/")
    image = await building.build("RUN echo with docker > /made", base=base)
    assert building.steps[-1][1] is not None
    assert await run("docker", "run", "--rm", image.reference, "cat", "/made") == "with docker\n"
    assert building.left() == []
    await building.remove(image)


async def test_podman_enforces_everything_here(bases: Path) -> None:
    document = await Building(bases).builder.check()
    assert document["missing"] == {}
    assert document["version"]
