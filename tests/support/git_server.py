"""A git server on the loopback network, with TLS: `git http-backend` behind Python's HTTP server.

It also gives recorded answers, redirects and errors, and says what it was asked for.
"""

import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.certificates import make_certificate

# Names and times, so that the same files are the same commit.
IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "PATH": os.environ["PATH"],
}
REPOSITORIES = Path(__file__).parents[1] / "repos"


@dataclass(frozen=True)
class Link:
    """A symbolic link of a repository."""

    target: str


@dataclass(frozen=True)
class Submodule:
    """A commit of another repository, at an address that `.gitmodules` has."""

    url: str
    commit: str


Files = Mapping[str, str | bytes | Link | Submodule]


@dataclass
class Answer:
    """What the server answers instead of asking git."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def git(folder: Path, *arguments: str, data: bytes | None = None) -> str:
    """Run git in a directory; returns what it prints."""
    command = ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments]
    process = subprocess.run(command, check=True, capture_output=True, input=data, env=IDENTITY)
    return process.stdout.decode().strip()


class Repository:
    """A bare repository; each `commit` replaces all files of a branch."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--bare", "--initial-branch", "main")

    def commit(self, files: Files, branch: str = "main", parents: bool = True) -> str:
        """Make a commit of these files on a branch, and return its name.

        Without `parents` the branch's history is replaced, as by a forced push.
        """
        head = f"refs/heads/{branch}"
        result = git(self.folder, "for-each-ref", "--format=%(objectname)", head)
        stream = [f"commit {head}\ncommitter A <a@example.org> 1767225600 +0000\n".encode()]
        stream.append(b"data 6\nChange\n")
        if result and parents:
            stream.append(f"from {result}\n".encode())
        stream.append(b"deleteall\n")
        modules = ""
        for path, content in files.items():
            stream.append(_import(path, content))
            if isinstance(content, Submodule):
                modules += f'[submodule "{path}"]\n\tpath = {path}\n\turl = {content.url}\n'
        if modules:
            stream.append(_import(".gitmodules", modules))
        git(self.folder, "fast-import", "--quiet", "--force", data=b"".join(stream))
        return git(self.folder, "rev-parse", head)

    def commit_folder(self, folder: Path, branch: str = "main") -> str:
        """Make a commit of all files of a directory."""
        files: dict[str, str | bytes | Link | Submodule] = {}
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if path.is_symlink():
                files[name] = Link(os.readlink(path))
            elif path.is_file():
                files[name] = path.read_bytes()
        return self.commit(files, branch)

    def commit_tree(self, tree: str, branch: str = "main", parents: bool = True) -> str:
        """Make a commit of a tree on a branch."""
        command = ["commit-tree", tree, "-m", "Change"]
        head = f"refs/heads/{branch}"
        result = git(self.folder, "for-each-ref", "--format=%(objectname)", head)
        if result and parents:
            command += ["-p", result]
        commit = git(self.folder, *command)
        git(self.folder, "update-ref", head, commit)
        return commit

    def tag(self, name: str, commit: str, is_annotated: bool = False) -> None:
        """Name a commit."""
        extra = ["-a", "-m", "Tag"] if is_annotated else []
        git(self.folder, "tag", *extra, name, commit)


def _import(path: str, content: str | bytes | Link | Submodule) -> bytes:
    """A file of a commit, as git-fast-import(1) reads it."""
    if isinstance(content, Submodule):
        return f"M 160000 {content.commit} {path}\n".encode()
    text = content.target if isinstance(content, Link) else content
    data = text.encode() if isinstance(text, str) else text
    mode = "100755" if data.startswith(b"#!") else "100644"
    mode = "120000" if isinstance(content, Link) else mode
    return f"M {mode} inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


class GitServer:
    """Serves repositories below `url`; `answers` has answers of its own, by path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        certificate, key = make_certificate(folder, "127.0.0.1", "localhost")
        self.ca_file = certificate
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.private: set[str] = set()
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port: int = self._server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"

    def repository(self, name: str) -> Repository:
        """A new, empty repository `org/name`."""
        return Repository(self.folder / "repositories" / name, f"{self.url}/{name}")

    def settings(self) -> dict[str, Any]:
        """Keys of `c.Rosetta.builds` with which this server takes GitHub's and GitLab's place."""
        return {
            "providers": {
                "gh": {"kind": "github", "name": "GitHub", "url": self.url},
                "gl": {"kind": "gitlab", "name": "GitLab", "url": self.url},
                "gist": {"kind": "gist", "name": "Gist", "url": self.url},
            },
            "networks": ["127.0.0.0/8"],
            "ca_file": str(self.ca_file),
        }

    @contextmanager
    def running(self) -> Iterator["GitServer"]:
        """Serve within the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            server.requests.append(self.path)
            answer = server.answers.get(self.path) or server.answers.get(path)
            if answer is not None:
                self._send(answer() if callable(answer) else answer)
            elif any(path.startswith(f"/{name}/") for name in server.private):
                self._send(Answer(401, headers={"WWW-Authenticate": 'Basic realm="git"'}))
            else:
                self._ask_git(path, query)

        do_POST = do_GET  # noqa: N815

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def _ask_git(self, path: str, query: str) -> None:
            environment = {
                **IDENTITY,
                "GIT_PROJECT_ROOT": str(server.folder / "repositories"),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            command = [shutil.which("git") or "git", "http-backend"]
            process = subprocess.run(
                command, input=body, env=environment, capture_output=True, check=False
            )
            head, _, content = process.stdout.partition(b"\r\n\r\n")
            lines = [line.partition(": ") for line in head.decode().split("\r\n") if line]
            headers = {name: value for name, _, value in lines}
            status = int(headers.pop("Status", "200").split()[0])
            self._send(Answer(status, content, headers))

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: `requests` has it."""

    return Handler
