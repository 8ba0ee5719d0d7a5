"""Servers in threads, WebDAV and S3, with an account for the service, and sessions on them."""

import contextlib
import json
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from cheroot import wsgi
from moto.server import ThreadedMotoServer
from wsgidav.wsgidav_app import WsgiDAVApp

from rosetta_hub.files.channel_store import open_store_channel
from rosetta_hub.files.session import FilesSession

PASSWORD = "correct horse"


REGION = "eu-central-1"


class Server(ABC):
    """A server with the folders of `alice` and `bob`."""

    @abstractmethod
    def settings(self, password: str = "", url: str = "") -> dict[str, Any]:
        """What the files program needs."""

    @abstractmethod
    def put(self, path: str, content: bytes) -> None:
        """Have a file, as if another program had written it."""

    @abstractmethod
    def get(self, path: str) -> bytes:
        """The content of a file."""

    @abstractmethod
    def names(self) -> list[str]:
        """The paths of all files."""

    @contextlib.asynccontextmanager
    async def session(
        self, root: bytes = b"/alice", password: str = "", **options: bool
    ) -> AsyncIterator[FilesSession]:
        """A session on a folder of the server."""
        session = FilesSession(await open_store_channel(self.settings(password)))
        try:
            await session.open(root, **options)
            yield session
        finally:
            session.close()
            await session.wait_closed()


@dataclass
class Dav(Server):
    """A WebDAV server, and the folder that it serves."""

    folder: Path
    server: Any

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server.bind_addr[1]}"

    def settings(self, password: str = "", url: str = "") -> dict[str, Any]:
        access = {"user": "hub", "password": password or PASSWORD, "ca": ""}
        return {"type": "webdav", "url": url or self.url, **access}

    def put(self, path: str, content: bytes) -> None:
        (self.folder / path).write_bytes(content)

    def get(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def names(self) -> list[str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.folder)) for path in files)


@dataclass
class S3(Server):
    """A server that answers as S3 does, and a bucket of it."""

    url: str
    bucket: str
    key_id: str
    secret: str
    client: Any

    def settings(self, password: str = "", url: str = "") -> dict[str, Any]:
        key = {"access_key_id": self.key_id, "secret_key": password or self.secret}
        place = {"url": url or self.url, "region": REGION, "bucket": self.bucket, "ca_file": ""}
        return {"type": "s3", **place, **key}

    def put(self, path: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=path, Body=content)

    def get(self, path: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=self.bucket, Key=path)["Body"].read()
        return body

    def names(self) -> list[str]:
        keys = (
            content["Key"]
            for content in self.client.list_objects_v2(Bucket=self.bucket)["Contents"]
        )
        return sorted(key for key in keys if not key.endswith("/"))


@pytest.fixture
def dav(tmp_path: Path) -> Iterator[Dav]:
    folder = tmp_path / "dav"
    for name in ("alice", "bob"):
        (folder / name).mkdir(parents=True)
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(folder)},
            "simple_dc": {"user_mapping": {"*": {"hub": {"password": PASSWORD}}}},
            "http_authenticator": {
                "accept_basic": True,
                "accept_digest": False,
                "default_to_digest": False,
            },
            "verbose": 0,
            "logging": {"enable": False},
            "property_manager": True,
            "dir_browser": {"enable": False},
            "lock_storage": False,
        }
    )
    server = wsgi.Server(("127.0.0.1", 0), app)
    server.shutdown_timeout = 1
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield Dav(folder, server)
    server.stop()
    thread.join()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """One for all tests, as it takes seconds to start."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    # Servers of one process share what they know: each has names of its own.
    name = secrets.token_hex(8)
    _count_from(url, b"inf")
    key = _make_account(url, name)
    client = _client("s3", url, key["AccessKeyId"], key["SecretAccessKey"])
    place = {"LocationConstraint": REGION}
    client.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    # From now on requests are checked: all before would be an administrator's.
    _count_from(url, b"0")
    yield S3(url, name, key["AccessKeyId"], key["SecretAccessKey"], client)
    client.close()
    server.stop()


@pytest.fixture
def s3(s3_server: S3) -> S3:
    answer = s3_server.client.list_objects_v2(Bucket=s3_server.bucket).get("Contents", ())
    for item in answer:
        s3_server.client.delete_object(Bucket=s3_server.bucket, Key=item["Key"])
    for name in ("alice", "bob"):
        s3_server.put(f"{name}/", b"")
    return s3_server


def _count_from(url: str, requests: bytes) -> None:
    """After how many requests rights are checked; the first may have to wait for imports."""
    answer = httpx.post(f"{url}/moto-api/reset-auth", content=requests, timeout=60)
    answer.raise_for_status()


def _make_account(url: str, name: str) -> dict[str, str]:
    """A key that may do everything with S3."""
    iam = _client("iam", url, "test", "test")
    iam.create_user(UserName=name)
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=name, PolicyName="files", PolicyDocument=policy)
    key: dict[str, str] = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    return key


def _client(kind: str, url: str, key_id: str, secret: str) -> Any:
    access = {"aws_access_key_id": key_id, "aws_secret_access_key": secret}
    return boto3.client(kind, endpoint_url=url, region_name=REGION, **access)


@pytest.fixture(params=["dav", "s3"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the servers."""
    result: Server = request.getfixturevalue(request.param)
    return result


@pytest.fixture
async def session(server: Server) -> AsyncIterator[FilesSession]:
    async with server.session() as opened:
        yield opened
