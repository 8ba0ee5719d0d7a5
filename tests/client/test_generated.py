"""Models and methods of the client are those of the API's description."""

import dataclasses
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

from rosetta_client import models

ROOT = Path(__file__).parents[2]


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
    result: dict[Path, str] = generator.generate()
    present = [path for path in result if path.exists()]
    old = [path for path in present if path.read_text() != generator.formatted(path, result[path])]
    missing = set(result) - set(present)
    paths = set(generator.MODELS.glob("*.py")) - set(result)
    assert (old, missing, paths) == ([], set(), set()), "Run .venv/bin/python client/generate.py"


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


def test_models_of_several_tags_are_in_one_module(generator: ModuleType) -> None:
    """So a module of one tag imports that one alone, and there are no circles."""
    document = {
        "paths": {
            "/api/v1/tasks": {"get": operation("tasks", "Page")},
            "/api/v1/shared": {"get": operation("sharing", "Shared")},
        },
        "components": {
            "schemas": {
                "Page": {"properties": {"tasks": {"type": "array", "items": reference("Task")}}},
                "Shared": {"properties": {"task": reference("Task"), "by": reference("Giver")}},
                "Task": {"properties": {"software": reference("Software")}},
                **{name: {"type": "string"} for name in ("Giver", "Software", "Unused")},
            }
        },
    }
    methods = list(generator.methods_of(document))
    modules = generator.place_models(document, methods)
    assert modules == {
        **{"Page": "tasks", "Giver": "sharing", "Shared": "sharing"},
        **{"Task": "common", "Software": "common"},
    }
    text = generator.write_models("sharing", generator.used_models(document, methods), modules)
    assert "from rosetta_client.models.common import Task\n" in text
    assert re.findall(r"^class (\w+)|^(\w+) =", text, re.MULTILINE) == [
        ("", "Giver"),
        ("Shared", ""),
    ]


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def operation(tag: str, answer: str) -> dict[str, Any]:
    content = {"application/json": {"schema": reference(answer)}}
    responses = {"200": {"description": "", "content": content}}
    return {"operationId": f"get{answer}", "tags": [tag], "summary": "", "responses": responses}


def test_every_model_is_found_with_its_types() -> None:
    for name in models.__all__:
        model = getattr(models, name)
        assert model is getattr(models, name)
        if dataclasses.is_dataclass(model):
            assert set(get_type_hints(model)) == {field.name for field in dataclasses.fields(model)}
    assert set(models.__all__) <= set(dir(models))
    with pytest.raises(AttributeError, match="no attribute 'Missing'"):
        models.Missing  # type: ignore[attr-defined]  # noqa: B018
