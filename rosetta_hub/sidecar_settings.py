"""How the sidecar processes, edge and tunnels, are started: as it follows from `c.Rosetta`."""

from pathlib import Path
from urllib.parse import urlsplit

from rosetta_hub.config import Rosetta
from rosetta_hub.edge.process import EdgeConfig
from rosetta_hub.tunnels.process import DialListener, TunnelsConfig
from rosetta_hub.web_hosts import DEFAULT_PORTS

ALL_ADDRESSES = "0.0.0.0"


def edge_config(settings: Rosetta) -> EdgeConfig:
    """What the edge of this deployment is started with."""
    parts = urlsplit(settings.tasks_url)
    main_port = parts.port or DEFAULT_PORTS[parts.scheme]
    return EdgeConfig(
        state_dir=settings.state_path,
        public_host=None if settings.host_name_mode else settings.tasks_host,
        bind_ip=settings.tasks_bind_ip or ALL_ADDRESSES,
        main_port=main_port if settings.host_name_mode else None,
        tls_cert=Path(settings.tls_cert).absolute() if parts.scheme == "https" else None,
        tls_key=Path(settings.tls_key).absolute() if parts.scheme == "https" else None,
        tcp_connections_per_address=settings.tcp_connections_per_address,
        anonymous_connections_per_address=settings.anonymous_connections_per_address,
    )


def tunnels_config(settings: Rosetta) -> TunnelsConfig:
    """What the tunnels' process of this deployment is started with."""
    return TunnelsConfig(state_dir=settings.state_path, dial=_dial_listener(settings))


def _dial_listener(settings: Rosetta) -> DialListener | None:
    parts = urlsplit(settings.tunnels_url)
    if parts.port is None:
        return None
    with_tls = parts.scheme == "https"
    return DialListener(
        port=parts.port,
        bind_ip=settings.tunnels_bind_ip,
        tls_cert=Path(settings.tls_cert).absolute() if with_tls else None,
        tls_key=Path(settings.tls_key).absolute() if with_tls else None,
    )
