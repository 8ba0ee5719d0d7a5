"""Models and methods of the client are those of the API's description."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.test_house import ROOT


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """`client/generate.py`."""
    path = ROOT / "client" / "generate.py"
    specification = importlib.util.spec_from_file_location("generate", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_they_are_of_this_description(generator: ModuleType) -> None:
    old = [
        path.name
        for path, text in generator.generate().items()
        if Path(path).read_text() != generator.formatted(path, text)
    ]
    assert old == [], "Run: .venv/bin/python client/generate.py"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "str"),
        ({"type": "string", "format": "date-time"}, "str"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "Optional[int]"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "Union[int, str]"),
        ({"anyOf": [{}, {"type": "null"}]}, "Any"),
        ({"$ref": "#/components/schemas/TaskView"}, "TaskView"),
        ({"type": "array", "items": {"type": "number"}}, "list[float]"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "dict[str, bool]"),
        ({"type": "object", "properties": {}}, "dict[str, Any]"),
        ({"enum": ["a", "b"]}, "str"),
        ({}, "Any"),
    ],
)
def test_types(generator: ModuleType, schema: dict[str, object], expected: str) -> None:
    assert generator.type_of(schema) == expected


def test_keys_that_are_no_names_in_python(generator: ModuleType) -> None:
    schema = {
        "properties": {"from": {"type": "string"}, "to": {"type": "string"}},
        "required": ["from"],
    }
    assert generator.write_model("Move", schema).splitlines()[4:] == [
        '    from_: str = field(metadata={"key": "from"})',
        "    to: Optional[str] = None",
    ]


def test_the_client_runs_on_old_pythons() -> None:
    """Its pyproject.toml promises 3.9."""
    vermin = [
        *(str(Path(sys.executable).with_name("vermin")), "--no-tips", "--violations", "-t=3.9-"),
        str(ROOT / "client" / "rosetta_client"),
    ]
    done = subprocess.run(vermin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
