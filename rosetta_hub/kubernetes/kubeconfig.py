"""Where the API server is and who we are there: a kubeconfig file, or our own pod's account."""

import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.api_server import ApiServer

Document = dict[str, Any]
Refuse = Callable[[str], ResourceUnavailable]

# Where every pod finds its account (Kubernetes documentation, "Accessing the API from a Pod").
IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_IN_CLUSTER_URL = "https://kubernetes.default.svc"
# By which kubelets tell each pod the same without the cluster's DNS, which pods in the network of
# their node do not ask.
_IN_CLUSTER_HOST, _IN_CLUSTER_PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
# Logins that are programs or libraries of the provider.
_NEEDS_KUBECTL = ("exec", "auth-provider")
# Other logins, and what would weaken the check of the server.
_UNSUPPORTED_USER = ("username", "password", "as", "impersonate-user")
_UNSUPPORTED_CLUSTER = ("insecure-skip-tls-verify", "proxy-url", "tls-server-name")


def read_in_cluster(
    folder: Path = IN_CLUSTER, environment: Mapping[str, str] = os.environ
) -> ApiServer:
    """The server of the cluster that the service itself is a pod of. Tokens change every hour.

    Raises:
        ResourceUnavailable: the service is in no pod, or the pod has no account.
    """
    return ApiServer(
        url=_find_url(environment),
        ca=_read_text(folder / "ca.crt"),
        token=_read_text(folder / "token").strip(),
    )


def _find_url(environment: Mapping[str, str]) -> str:
    host, port = (environment.get(name) for name in (_IN_CLUSTER_HOST, _IN_CLUSTER_PORT))
    if not (host and port):
        return _IN_CLUSTER_URL
    return f"https://{f'[{host}]' if ':' in host else host}:{port}"


def read_kubeconfig(path: Path, context: str | None = None) -> ApiServer:
    """The server and account of a context, by default the file's current one.

    Files that it names are read, too, so that a renewed certificate or token counts at once.

    Raises:
        ResourceUnavailable: a file can't be read, or needs what is not supported.
    """

    def refuse(text: str) -> ResourceUnavailable:
        return ResourceUnavailable(f"The kubeconfig {path} can't be used: {text}.")

    try:
        config = yaml.safe_load(_read_text(path))
        context_entry = _find(config, "context", context or config["current-context"], refuse)
        cluster = _find(config, "cluster", context_entry["cluster"], refuse)
        user = _find(config, "user", context_entry["user"], refuse)
        _check_supported(cluster, user, refuse)
        return _build_server(cluster, user, path.parent, refuse)
    except KeyError as error:
        # One of ours: what was looked for.
        raise refuse(f"it has no {error.args[0]!r}") from error
    except (yaml.YAMLError, TypeError, AttributeError, ValueError) as error:
        # The text of an error may quote a secret of the file: its kind has to do.
        raise refuse(f"it is incomplete or malformed ({type(error).__name__})") from error


def _find(config: Document, kind: str, name: str, refuse: Refuse) -> Document:
    """The entry of the list `clusters`, `users` or `contexts` with that name."""
    for entry in config[f"{kind}s"]:
        if entry["name"] == name:
            document: Document = entry[kind]
            return document
    raise refuse(f"it has no {kind} {name!r}")


def _check_supported(cluster: Document, user: Document, refuse: Refuse) -> None:
    if programs := [key for key in _NEEDS_KUBECTL if user.get(key)]:
        raise refuse(
            f"its login is a program ({programs[0]!r}), which kubectl runs: set 'access_mode' to"
            " 'local', or use a certificate or a token"
        )
    for entry, keys in ((cluster, _UNSUPPORTED_CLUSTER), (user, _UNSUPPORTED_USER)):
        if unsupported := [key for key in keys if entry.get(key)]:
            raise refuse(f"{unsupported[0]!r} is not supported; use a certificate or a token")


def _build_server(cluster: Document, user: Document, folder: Path, refuse: Refuse) -> ApiServer:
    def read(entry: Document, key: str) -> str | None:
        if data := entry.get(f"{key}-data"):
            return base64.b64decode(data, validate=True).decode()
        return _read_text(folder / entry[key]) if entry.get(key) else None

    url = str(cluster["server"]).rstrip("/")
    if not url.startswith("https://"):
        raise refuse("its server is not an https address")
    ca = read(cluster, "certificate-authority")
    if ca is None:
        raise refuse(
            "it names no certificate-authority; where a public one has signed the server's"
            " certificate, name the system's file, such as /etc/ssl/certs/ca-certificates.crt"
        )
    token = user.get("token")
    if token is None and user.get("tokenFile"):
        token = _read_text(folder / user["tokenFile"]).strip()
    server = ApiServer(
        url, ca, read(user, "client-certificate"), read(user, "client-key"), token or None
    )
    if server.token is None and (server.certificate is None or server.key is None):
        raise refuse("its user has neither a certificate with its key nor a token")
    return server


def _read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ResourceUnavailable(f"The file {path} can't be read: {error.strerror}.") from error
