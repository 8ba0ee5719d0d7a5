"""Files that the configuration names, read at start-up: what is wrong is told there."""

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rosetta_hub.catalogue.registries import Registries
from rosetta_hub.errors import ConfigError


def read_file(option: str, path: str | Path) -> bytes:
    """The file of an option.

    Raises:
        ConfigError: it can't be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{option}: the file {str(path)!r} can't be read: {error.strerror}."
        ) from error


def check_certificates(option: str, path: str) -> None:
    """Refuse a file without certificates.

    Raises:
        ConfigError: it can't be read, or is something else.
    """
    try:
        x509.load_pem_x509_certificates(read_file(option, path))
    except ValueError as error:
        raise ConfigError(
            f"{option}: the file {path!r} is not a chain of certificates in PEM format, which"
            " begins with '-----BEGIN CERTIFICATE-----'."
        ) from error


def check_registry_files(registries: Registries) -> None:
    """Refuse registries whose password or certificates can't be read.

    Raises:
        ConfigError: which file, and of which entry.
    """
    for number, entry in enumerate(registries.entries, start=1):
        where = f"c.Rosetta.registries entry {number} ({entry.host!r})"
        if entry.ca_file:
            check_certificates(f"{where}: key 'ca_file'", entry.ca_file)
        if entry.password_file:
            option = f"{where}: key 'password_file'"
            if not read_file(option, entry.password_file).strip():
                raise ConfigError(f"{option}: the file {entry.password_file!r} is empty.")


def check_key_pair(
    certificate_option: str, certificate_path: str, key_option: str, key_path: str
) -> None:
    """Refuse files that no server can use for TLS.

    Raises:
        ConfigError: one can't be read or is something else, or they don't belong together.
    """
    check_certificates(certificate_option, certificate_path)
    try:
        load_pem_private_key(read_file(key_option, key_path), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{key_option}: the file {key_path!r} is not a private key in PEM format without a"
            " passphrase."
        ) from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate_path, key_path)
    except ssl.SSLError as error:
        raise ConfigError(
            f"{key_option}: the file {key_path!r} is not the key of the first certificate in"
            f" {certificate_path!r} ({error.reason})."
        ) from error
