"""The edge's configuration, as it follows from `c.Rosetta`."""

from pathlib import Path
from urllib.parse import urlsplit

from rosetta_hub.config import Rosetta
from rosetta_hub.edge.process import EdgeConfig

DEFAULT_PORTS = {"http": 80, "https": 443}
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
