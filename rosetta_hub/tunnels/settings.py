"""The configuration of the tunnels' process, as it follows from `c.Rosetta`."""

from pathlib import Path
from urllib.parse import urlsplit

from rosetta_hub.config import Rosetta
from rosetta_hub.tunnels.process import DialListener, TunnelsConfig


def tunnels_config(settings: Rosetta) -> TunnelsConfig:
    """What the tunnels' process of this deployment is started with."""
    return TunnelsConfig(state_dir=settings.state_path, dial=_dial(settings))


def _dial(settings: Rosetta) -> DialListener | None:
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
