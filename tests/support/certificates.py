"""Certificates that are their own authority."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def make_certificate(directory: Path, *names: str) -> tuple[Path, Path]:
    """A new certificate for addresses and host names, and its key, in two files of the directory.

    Without names it is for 127.0.0.1. It is valid for a day.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, private = directory / "cert.pem", directory / "key.pem"
    certificate.write_bytes(_sign(key, names or ("127.0.0.1",)))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


def make_pem(directory: Path, *names: str) -> Path:
    """The same in one file: the key, and the certificate."""
    certificate, private = make_certificate(directory, *names)
    both = directory / "both.pem"
    both.write_bytes(private.read_bytes() + certificate.read_bytes())
    return both


def read_certificate(directory: Path, *names: str) -> tuple[str, str]:
    """The same as texts."""
    certificate, private = make_certificate(directory, *names)
    return certificate.read_text(), private.read_text()


def _sign(key: ec.EllipticCurvePrivateKey, names: tuple[str, ...]) -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now, public_key = datetime.datetime.now(datetime.UTC), key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.SubjectAlternativeName(map(_general_name, names)), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
