"""Private keys that users bring along."""

import base64
import binascii
import struct
from collections.abc import Iterator

import asyncssh

from rosetta_hub.ssh.keys import KeyPair

_BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----"
_END = "-----END OPENSSH PRIVATE KEY-----"
_MAGIC = b"openssh-key-v1\0"
_CURVES = frozenset({"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"})
_RSA = "ssh-rsa"
# Bits: what OpenSSH itself makes when it is not told.
_MIN_RSA_BITS = 3072
# ssh-keygen does 16 or 24; each round costs some ten milliseconds.
_MAX_ROUNDS = 500


class UnusableKey(ValueError):
    """The text is no private key that the hub takes; the message is for its owner."""


def import_key_pair(text: str, passphrase: str | None, comment: str) -> KeyPair:
    """The key pair of a private key in OpenSSH's format; the comment ends its public line.

    Blocks: a passphrase takes seconds to be tried, by design. It is not kept.

    Raises:
        UnusableKey: it is none, is of another kind or too weak, or the passphrase is wrong.
    """
    text = text.strip()
    _check_format(text)
    try:
        key = asyncssh.import_private_key(text, passphrase or None)
    except asyncssh.KeyEncryptionError as error:
        raise UnusableKey("The passphrase is not the one of this key.") from error
    except asyncssh.KeyImportError as error:
        raise UnusableKey(_explain(passphrase)) from error
    _check_kind(key)
    key.set_comment(" ".join(comment.split()))
    return KeyPair(
        private_key=key.export_private_key().decode(),
        public_key=key.export_public_key().decode().strip(),
    )


def _explain(passphrase: str | None) -> str:
    if passphrase:
        return "The key can't be read: it is damaged, or the passphrase is not the one of this key."
    return "The key can't be read: it is damaged, or it has a passphrase, which has to be given."


def _check_format(text: str) -> None:
    """Refuse what is no key in OpenSSH's format, or would take long to open.

    Raises:
        UnusableKey: it is so.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != _BEGIN or lines[-1].strip() != _END:
        raise UnusableKey(
            f"This is no private key in OpenSSH's format: it begins with {_BEGIN!r}. Convert an"
            " older one with `ssh-keygen -p -f FILE`."
        )
    try:
        content = base64.b64decode("".join(lines[1:-1]), validate=False)
        rounds = _read_rounds(content)
    except (ValueError, struct.error, binascii.Error) as error:
        raise UnusableKey("The key can't be read: it is damaged.") from error
    if rounds > _MAX_ROUNDS:
        raise UnusableKey(
            f"The passphrase of this key takes {rounds} rounds to be tried, and the hub does"
            f" {_MAX_ROUNDS} at most. Set it anew with `ssh-keygen -p -a 100 -f FILE`."
        )


def _read_rounds(content: bytes) -> int:
    """The rounds of bcrypt in a key's header (OpenSSH, PROTOCOL.key); 0 without a passphrase.

    Raises:
        ValueError, struct.error: there is no such header.
    """
    if not content.startswith(_MAGIC):
        raise ValueError("no OpenSSH key")
    _cipher, _kdf, options = _read_strings(content[len(_MAGIC) :], 3)
    if not options:
        return 0
    salt, rest = _split_string(options)
    del salt
    return int(struct.unpack(">I", rest)[0])


def _read_strings(data: bytes, count: int) -> Iterator[bytes]:
    for _ in range(count):
        string, data = _split_string(data)
        yield string


def _split_string(data: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack(">I", data[:4])
    if len(data) < 4 + length:
        raise ValueError("too short")
    return data[4 : 4 + length], data[4 + length :]


def _check_kind(key: asyncssh.SSHKey) -> None:
    """Refuse kinds that are broken, weak, or need a device.

    Raises:
        UnusableKey: the key is of such a kind.
    """
    kind = key.get_algorithm()
    if kind == "ssh-ed25519" or kind in _CURVES:
        return
    if kind != _RSA:
        raise UnusableKey(
            f"Keys of the type {kind} are not taken. Make one with `ssh-keygen -t ed25519`."
        )
    bits = int(getattr(key.pyca_key, "key_size", 0))
    if bits < _MIN_RSA_BITS:
        raise UnusableKey(
            f"The key is too weak: it has {bits} bits, and RSA needs {_MIN_RSA_BITS}. Make a new"
            " one with `ssh-keygen -t ed25519`."
        )
