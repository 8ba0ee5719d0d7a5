"""Until when an account at an API server is good."""

import base64
import json
from datetime import UTC, datetime

from cryptography import x509

from rosetta_hub.kubernetes.api_server import ApiServer


def find_expiry(server: ApiServer) -> datetime | None:
    """When its client certificate, or its token, ends.

    None where it never does or nobody can tell: tokens of other kinds than JWT, and behind kubectl.
    """
    if server.token is not None:
        return _find_expiry_of_token(server.token)
    if server.certificate is None:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(server.certificate.encode())
    except ValueError:
        return None
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_after_utc
    # cryptography 41
    return certificate.not_valid_after.replace(tzinfo=UTC)


def _find_expiry_of_token(token: str) -> datetime | None:
    """The claim `exp` of a JWT (RFC 7519); its signature is the server's business."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
