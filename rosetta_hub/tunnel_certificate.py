"""The certificate of a node's port: its key follows from a secret, and is what is pinned."""

import datetime
import hashlib
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

# The order of the group of P-256 (FIPS 186-5, SP 800-186).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# Nobody looks at the dates: it is the key that is pinned, and clocks of nodes may be wrong.
_FIRST_DAY = datetime.datetime(2000, 1, 1)
_LAST_DAY = datetime.datetime(2099, 12, 31)


@dataclass(frozen=True)
class TunnelCertificate:
    """A self-signed certificate and its key, both PEM."""

    certificate: str
    key: str = field(repr=False)
    spki: str
    """SHA-256, in hexadecimal, of the public key (SubjectPublicKeyInfo)."""


def build_certificate(secret: bytes) -> TunnelCertificate:
    """A P-256 key that follows from 32 random bytes, and a certificate for it."""
    # The bias of the remainder is 2**-32: the order is that close to a power of two.
    number = int.from_bytes(secret, "big") % (_ORDER - 1) + 1
    key = ec.derive_private_key(number, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rosetta")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FIRST_DAY)
        .not_valid_after(_LAST_DAY)
        .sign(key, SHA256())
    )
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return TunnelCertificate(
        certificate=certificate.public_bytes(Encoding.PEM).decode(),
        key=pem.decode(),
        spki=hashlib.sha256(spki).hexdigest(),
    )
