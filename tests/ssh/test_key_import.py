"""Private keys that users bring along: what is taken, and what is refused in which words."""

import base64
import struct
from typing import Any

import asyncssh
import pytest

from rosetta_hub.ssh.key_import import UnusableKey, import_key_pair
from rosetta_hub.ssh.keys import read_public_key


def make_key(kind: str, passphrase: str | None = None, rounds: int = 16, **options: Any) -> str:
    """The text of a private key, in OpenSSH's format."""
    key = asyncssh.generate_private_key(kind, **options)
    return key.export_private_key(
        "openssh", passphrase, rounds=rounds, ignore_few_rounds=True
    ).decode()


ED25519 = make_key("ssh-ed25519")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ssh-ed25519", {}),
        ("ecdsa-sha2-nistp256", {}),
        ("ecdsa-sha2-nistp521", {}),
        ("ssh-rsa", {"key_size": 3072}),
    ],
)
def test_a_key_is_taken(kind: str, options: dict[str, Any]) -> None:
    pair = import_key_pair(make_key(kind, **options), None, "rosetta-hub:alice")
    assert pair.public_key.startswith(kind)
    assert pair.public_key.endswith(" rosetta-hub:alice")
    assert read_public_key(pair.private_key) == pair.public_key
    assert pair.private_key not in repr(pair)


@pytest.mark.parametrize("text", [f"\n  {ED25519}  \n", ED25519.replace("\n", "\r\n")])
def test_what_pasting_does_to_a_key(text: str) -> None:
    assert import_key_pair(text, None, "x").public_key.startswith("ssh-ed25519 ")


def test_a_passphrase_is_used_and_not_kept() -> None:
    text = make_key("ssh-ed25519", "open sesame")
    pair = import_key_pair(text, "open sesame", "x")
    # It opens without one from now on.
    assert read_public_key(pair.private_key) == pair.public_key
    assert "open sesame" not in pair.private_key
    for wrong in ("wrong", None, ""):
        with pytest.raises(UnusableKey, match="passphrase"):
            import_key_pair(text, wrong, "x")


def test_a_passphrase_that_takes_for_ever_is_not_tried() -> None:
    first, *lines, last = make_key("ssh-ed25519", "x").splitlines()
    content = base64.b64decode("".join(lines))
    # After a salt of 16 bytes there are the rounds.
    present, slow = (b"bcrypt\0\0\0\x18\0\0\0\x10", content.index(b"bcrypt") + 30)
    assert content[slow - 30 :].startswith(present)
    assert content[slow : slow + 4] == struct.pack(">I", 16)
    content = content[:slow] + struct.pack(">I", 10**9) + content[slow + 4 :]
    text = "\n".join([first, base64.b64encode(content).decode(), last])
    with pytest.raises(UnusableKey, match="1000000000 rounds"):
        import_key_pair(text, "x", "x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (make_key("ssh-rsa", key_size=2048), "too weak: it has 2048 bits"),
        (make_key("ssh-dss"), "type ssh-dss are not taken"),
        (make_key("ssh-ed448"), "type ssh-ed448 are not taken"),
        ("", "no private key in OpenSSH's format"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBpQ0DZyXl3SVGpzV4pfjZ5Kj1i", "no private key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII=\n-----END RSA PRIVATE KEY-----", "ssh-keygen -p"),
        (ED25519.replace("b3BlbnNzaC", "AAAAAAAAAA", 1), "damaged"),
        ("\n".join([ED25519.splitlines()[0], "b3Blb=", ED25519.splitlines()[-1]]), "damaged"),
        ("\n".join([*ED25519.splitlines()[:3], ED25519.splitlines()[-1]]), "damaged"),
    ],
)
def test_a_key_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnusableKey, match=words) as refusal:
        import_key_pair(text, None, "x")
    assert str(refusal.value).endswith(".")
    # The key is not told to a log.
    assert not text or text.splitlines()[-2:][0] not in str(refusal.value) or "BEGIN" in text
