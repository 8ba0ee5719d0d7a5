"""The hub's proxy, in a process of its own."""

import asyncio
from typing import TYPE_CHECKING

from tests.support.ports import free_port

if TYPE_CHECKING:
    from tests.edge.conftest import Backend

TOKEN = "a-token"


async def wait_for_port(port: int) -> None:
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError(f"nobody listens on port {port}")


class HubProxy:
    """A CHP process with its own command line."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def exchange(self, data: bytes, port: int | None = None) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.port)
        writer.write(data)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        writer.close()
        return answer


async def start_hub_proxy(command: list[str], backend: "Backend") -> HubProxy:
    port, api = free_port(), free_port()
    arguments = ["--ip", "127.0.0.1", "--port", str(port), "--api-ip", "127.0.0.1"]
    arguments += ["--api-port", str(api), "--log-level", "error"]
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, env={"CONFIGPROXY_AUTH_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}
    )
    proxy = HubProxy(process, port)
    await wait_for_port(api)
    await wait_for_port(port)
    body = f'{{"target": "http://127.0.0.1:{backend.port}"}}'
    head = f"POST /api/routes/ HTTP/1.1\r\nHost: x\r\nAuthorization: token {TOKEN}\r\n"
    answer = await proxy.exchange(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode(), api)
    assert b" 201 " in answer
    return proxy
