"""The secret file and what is derived from it."""

from pathlib import Path

import pytest

from rosetta_hub.errors import ConfigError
from rosetta_hub.keys import SECRET_FILE, Keys


def test_keys_are_stable_and_differ(tmp_path: Path) -> None:
    keys, same = Keys(tmp_path), Keys(tmp_path)
    assert keys.service_token == same.service_token
    values = {
        keys.service_token,
        keys.spawner_key,
        keys.cookie_secret.hex(),
        keys.agent_secret("a", 1),
        keys.agent_secret("a", 2),
        keys.agent_secret("b", 1),
        keys.interface_password("a", 1),
        keys.interface_password("a", 2),
        keys.task_cookie_secret("a", 1),
        keys.task_cookie_secret("a", 2),
    }
    assert len(values) == 10
    assert Keys(tmp_path / "other").service_token not in values


def test_the_file_is_private(tmp_path: Path) -> None:
    Keys(tmp_path)
    assert (tmp_path / SECRET_FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / SECRET_FILE).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Keys(tmp_path)


def test_a_damaged_file_is_refused_not_replaced(tmp_path: Path) -> None:
    Keys(tmp_path)
    (tmp_path / SECRET_FILE).write_text("short")
    with pytest.raises(ConfigError, match="Restore it from a backup"):
        Keys(tmp_path)


def test_repr_tells_nothing(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    assert (tmp_path / SECRET_FILE).read_text().strip() not in repr(keys)
