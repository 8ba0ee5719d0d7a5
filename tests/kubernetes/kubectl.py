"""A kubeconfig whose account comes of a program that kubectl runs, and hubs that use it."""

import json
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.sshd import Sshd, make_key

from .cluster import NAMESPACE, KubernetesCluster

# Another kubectl than that of PATH.
KUBECTL = os.environ.get("ROSETTA_TEST_KUBECTL", "kubectl")
# Seconds for which what the login program prints is good.
LIFETIME = 5
REFUSAL = "Your session is over: run `institute login`."

_PLUGIN = """#!{python} -IS
import datetime, json, pathlib, sys
folder = pathlib.Path({folder!r})
with open(folder / "calls", "a") as calls:
    calls.write("x")
if (folder / "refuses").exists():
    sys.exit({refusal!r})
end = datetime.datetime.utcnow() + datetime.timedelta(seconds={lifetime})
print(json.dumps({{
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "kind": "ExecCredential",
    "status": {{
        "expirationTimestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "clientCertificateData": pathlib.Path({certificate!r}).read_text(),
        "clientKeyData": pathlib.Path({key!r}).read_text(),
    }},
}}))
"""


@dataclass
class ExecLogin:
    """The hub's account on a cluster, which a program tells to kubectl for seconds at a time."""

    cluster: KubernetesCluster
    folder: Path

    def write(self) -> Path:
        """Write program and kubeconfig; returns the latter's path."""
        self.folder.mkdir(exist_ok=True)
        pki = self.cluster.state / "pki"
        program = self.folder / "login"
        program.write_text(
            _PLUGIN.format(
                python=sys.executable,
                folder=str(self.folder),
                refusal=REFUSAL,
                lifetime=LIFETIME,
                certificate=str(pki / "hub.crt"),
                key=str(pki / "hub.key"),
            )
        )
        program.chmod(stat.S_IRWXU)
        config = yaml.safe_load((pki / "hub.conf").read_text())
        config["clusters"][0]["cluster"]["certificate-authority"] = str(pki / "ca.crt")
        version = "client.authentication.k8s.io/v1beta1"
        config["users"][0]["user"] = {"exec": {"apiVersion": version, "command": str(program)}}
        path = self.folder / "kubeconfig"
        path.write_text(json.dumps(config))
        return path

    @property
    def calls(self) -> int:
        """How often kubectl has run the program."""
        return len((self.folder / "calls").read_text())

    def refuse(self, refuses: bool) -> None:
        """Have the program fail, or work again."""
        mark = self.folder / "refuses"
        if refuses:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)


def build_computing(access_mode: str, **conf: Any) -> dict[str, Any]:
    """A resource whose kubectl is here or on a login node."""
    return {
        "id": "cloud",
        "name": "The cloud",
        "type": "cluster",
        "access_mode": access_mode,
        "wms": "kubernetes",
        "container_engines": ["internal"],
        "default_cpus": 0.1,
        "default_memory": "64M",
        "max_time": "1h",
        "conf": {"kubectl": KUBECTL, "namespace": NAMESPACE, **conf},
    }


def ssh_conf(sshd: Sshd) -> dict[str, Any]:
    """How the platform logs in on the login node."""
    key = make_key(sshd.folder / "platform_key")
    sshd.authorize(key.with_suffix(".pub").read_text())
    return {
        "host": "127.0.0.1",
        "port": sshd.port,
        "user": sshd.username,
        "key_file": str(key),
        "known_hosts": sshd.known_hosts,
        "python": sys.executable,
    }
