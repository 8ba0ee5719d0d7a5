"""Looks around on the node where tasks will run; sent there as text, runs on Python 3.6.

The order is a dictionary: `engines` (names), `options` (of an engine, before its verb), `path`
(directories searched first), `image` (`engine`, `reference`, `pull`) or null, `urls` (name ->
address), `ca` (PEM) or null, `listen` (`{"unix": path}`, `{"tcp": true}` or null), `token`,
`result` (name of a file in the home) or null, `pull_timeout` and `linger` (seconds). What it finds
is a dictionary of JSON in the file, which is written anew with each step; without a file, the exit
status tells what is missing, see `sum_up`.

Whoever knows the token may ask the listener, a line a connection: `clock`, `send BYTES`. The probe
ends after `linger` seconds, or when there is a file of the result's name with `.stop` behind it.
"""

import ctypes
import email.utils
import hmac
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, List, Optional, Tuple

Order = Dict[str, Any]
Found = Dict[str, Any]

# Of an exit status: no other program ends with it.
SUMMED = 64
FAULTS = {"engines": 1, "namespaces": 2, "service": 4, "tunnels": 8, "pull": 16}
URL_TIMEOUT = 10
ENGINE_TIMEOUT = 60
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
NAMES = {"singularity": ["singularity", "apptainer"]}
VERSIONS = {
    "docker": ["version", "--format", "{{.Server.Version}}"],
    "podman": ["version", "--format", "{{.Client.Version}}"],
    "singularity": ["--version"],
}


def main(order: Order) -> None:
    """Find everything out, and answer the hub until it has seen enough."""
    try:
        look_around(order)
    finally:
        if order["listen"] and order["listen"].get("unix"):
            shutil.rmtree(os.path.dirname(order["listen"]["unix"]), ignore_errors=True)


def look_around(order: Order) -> None:
    """Each step's findings are published as they come."""
    findings: Found = {"python": sys.version.split()[0], "node": socket.getfqdn(), "done": False}
    findings["listen"] = listen(order)
    publish(order, findings)
    steps: List[Tuple[str, Callable[[], Any]]] = [
        ("engines", lambda: {name: find_engine(name, order) for name in order["engines"]}),
        ("namespaces", find_namespaces),
        ("urls", lambda: {name: ask(url, order["ca"]) for name, url in order["urls"].items()}),
        ("pull", lambda: pull(order)),
    ]
    for name, step in steps:
        started = time.time()
        findings[name] = step()
        findings.setdefault("seconds", {})[name] = time.time() - started
        publish(order, findings)
    findings["done"] = True
    publish(order, findings)
    if order["result"]:
        linger(order)
    else:
        sys.exit(sum_up(findings))


def sum_up(findings: Found) -> int:
    """SUMMED, and a bit of FAULTS for each fault."""
    urls = findings["urls"]
    faults = {
        "engines": any("error" in one for one in findings["engines"].values()),
        "namespaces": not findings["namespaces"]["ok"],
        "service": urls["service"].get("status") != 200,
        "tunnels": "error" in urls.get("tunnels", {}),
        "pull": "error" in (findings["pull"] or {}),
    }
    return SUMMED + sum(bit for name, bit in FAULTS.items() if faults[name])


def publish(order: Order, findings: Found) -> None:
    """Write the file anew, 0600 and at once."""
    if not order["result"]:
        return
    path = os.path.join(os.path.expanduser("~"), order["result"])
    descriptor = os.open(path + ".part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(findings, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".part", path)


def linger(order: Order) -> None:
    """Wait for the file that says that the hub has seen enough."""
    deadline = time.time() + order["linger"]
    while time.time() < deadline:
        # listdir: NFS remembers for a while that a file is not there.
        home = os.path.expanduser("~")
        if order["result"] + ".stop" in os.listdir(home):
            return
        time.sleep(0.2)


# --- the listener --------------------------------------------------------------------------------


def listen(order: Order) -> Optional[Found]:
    """Start to listen; says where, or why not."""
    try:
        server = open_listener(order["listen"])
    except OSError as error:
        return {"error": str(error)}
    if server is None:
        return None
    threading.Thread(target=serve, args=(server, order["token"]), daemon=True).start()
    return {"port": server.getsockname()[1] if server.family == socket.AF_INET else None}


def open_listener(where: Order) -> Optional[socket.socket]:
    """A listening socket; None when none is asked for."""
    if not where:
        return None
    if where.get("unix"):
        os.mkdir(os.path.dirname(where["unix"]), 0o700)
        server = socket.socket(socket.AF_UNIX)
        server.bind(where["unix"])
    else:
        server = socket.socket(socket.AF_INET)
        server.bind(("0.0.0.0", 0))
    server.listen(5)
    return server


def serve(server: socket.socket, token: str) -> None:
    """Answer one connection after the other."""
    while True:
        connection = server.accept()[0]
        try:
            with connection:
                connection.settimeout(60)
                answer(connection, token)
        except OSError:
            continue


def answer(connection: socket.socket, token: str) -> None:
    """One line with the token, one answer; others get none."""
    line = b""
    while not line.endswith(b"\n") and len(line) < 200:
        part = connection.recv(200)
        if not part:
            return
        line += part
    words = line.decode("latin-1").split()
    if len(words) < 2 or not hmac.compare_digest(words[0], token):
        return
    if words[1] == "clock":
        connection.sendall(f"{time.time():.6f}\n".encode())
    elif words[1] == "send":
        left, block = int(words[2]), os.urandom(1 << 18)
        while left > 0:
            connection.sendall(block[:left])
            left -= len(block)


# --- what is there -------------------------------------------------------------------------------


def search_path(order: Order) -> str:
    """PATH, after the directories of the order and before those of administrators."""
    usual = [os.environ.get("PATH", ""), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"]
    return ":".join(order["path"] + usual)


def run(argv: List[str], timeout: float, **variables: str) -> Tuple[int, str]:
    """Exit status and the last lines of a program."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
            env=dict(os.environ, **variables),
        )
    except subprocess.TimeoutExpired:
        return 1, "not done after {} s".format(timeout)
    except OSError as error:
        return 1, str(error)
    # Warnings are of no interest when it worked.
    said = done.stdout if done.returncode == 0 else done.stdout + done.stderr
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return done.returncode, " ".join(lines[-3:])[-400:]


def program(name: str, order: Order) -> Optional[str]:
    """Path of an engine's program, None when it is not there."""
    found = [shutil.which(one, path=search_path(order)) for one in NAMES.get(name, [name])]
    return next((path for path in found if path), None)


def find_engine(name: str, order: Order) -> Found:
    """Version of an engine that answers."""
    path = program(name, order)
    if path is None:
        return {"error": "is not in PATH"}
    argv = [path] + order["options"] + VERSIONS[name]
    status, text = run(argv, ENGINE_TIMEOUT, PATH=search_path(order))
    return {"version": text} if status == 0 and text else {"error": text or "does not answer"}


def find_namespaces() -> Found:
    """Whether this user may make a user and a network namespace: tried in a child."""
    child = os.fork()
    if child == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0
        os._exit(ctypes.get_errno() if failed else 0)
    status = os.waitpid(child, 0)[1] >> 8
    return {"ok": True} if status == 0 else {"ok": False, "error": os.strerror(status)}


def ask(url: str, ca: Optional[str]) -> Found:
    """Whether somebody answers there, how fast, and what clock they have."""
    direct = urllib.request.ProxyHandler({})
    secure = urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=ca or None))
    opener = urllib.request.build_opener(direct, secure)
    started = time.time()
    try:
        with opener.open(url, timeout=URL_TIMEOUT) as response:
            status, date = response.status, response.headers.get("Date")
    except urllib.error.HTTPError as error:
        status, date = error.code, error.headers.get("Date")
    except (OSError, ValueError) as error:
        return {"error": str(getattr(error, "reason", error))}
    ended = time.time()
    found = {"status": status, "seconds": ended - started}
    if date:
        then = email.utils.parsedate_to_datetime(date).timestamp()
        found["skew"] = (started + ended) / 2 - then - 0.5
    return found


# --- an image ------------------------------------------------------------------------------------


def pull(order: Order) -> Optional[Found]:
    """Pull the image; a SIF is thrown away, an engine's own store keeps what it has."""
    image = order["image"]
    if not image:
        return None
    path = program(image["engine"], order)
    if path is None:
        return {"error": "{} is not in PATH".format(image["engine"])}
    limit, variables = order["pull_timeout"], {"PATH": search_path(order)}
    if image["engine"] == "singularity":
        return pull_sif(path, image["reference"], limit, variables)
    engine = [path] + order["options"]
    inspect = [*engine, "image", "inspect", image["reference"]]
    if image["pull"] != "always" and run(inspect, ENGINE_TIMEOUT, **variables)[0] == 0:
        return {"there": True}
    if image["pull"] == "never":
        return {"error": "it is not there, and 'pull' is 'never'"}
    status, text = run([*engine, "pull", "--quiet", image["reference"]], limit, **variables)
    return {} if status == 0 else {"error": text}


def pull_sif(path: str, reference: str, limit: float, variables: Dict[str, str]) -> Found:
    """In a folder of its own, cache included."""
    folder = tempfile.mkdtemp(prefix="rosetta-check-")
    for kind in ("APPTAINER", "SINGULARITY"):
        variables[kind + "_CACHEDIR"] = variables[kind + "_TMPDIR"] = folder
    try:
        target = os.path.join(folder, "image.sif")
        status, text = run([path, "pull", target, "docker://" + reference], limit, **variables)
        return {"bytes": os.path.getsize(target)} if status == 0 else {"error": text}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
