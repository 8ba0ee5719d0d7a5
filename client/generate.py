"""Writes the models and methods of the client from the description of the API.

    python client/generate.py

It needs the hub's package, which holds the description. What is read or written piece by piece
(files, uploads, events, connections) has no method here: it is written by hand.
"""

import json
import keyword
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosetta_hub.web.api_handlers import describe_api

PACKAGE = Path(__file__).parent / "rosetta_client"
MODELS = PACKAGE / "models"
BASE = "/api/v1"
_METHODS = ("get", "post", "put", "patch", "delete")
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_JSON = "application/json"
_KEY = "Idempotency-Key"
_MATCH = "If-Match"
# Methods have `X | None`, which Python 3.9 takes in annotations that it does not evaluate.
_FIX = ["check", "--fix", "--exit-zero", "--quiet", "--config"]
_FIX.append("lint.extend-safe-fixes=['UP007', 'UP045']")
# The module of models that operations of several tags use.
_COMMON = "common"
_MADE = "Made by client/generate.py of the description of the API: do not edit."

_GETATTR = """
    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        model = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = model
        return model

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
"""


@dataclass(frozen=True)
class Method:
    """A method of the client: an operation of the API."""

    name: str
    tag: str
    verb: str
    path: str
    summary: str
    path_parameters: list[str]
    query: dict[str, str]
    headers: dict[str, bool]
    body: str | None
    answer: str

    @property
    def arguments(self) -> str:
        """The arguments after `self`."""
        positional = [f"{name}: str" for name in self.path_parameters]
        if self.body:
            positional.append(f"body: {self.body}")
        named = [_header_argument(name) for name, needed in self._asked.items() if needed]
        query = self.query.items()
        named += [f"{attribute(name)}: {_optional(kind)} = None" for name, kind in query]
        return ", ".join(["self", *positional, *(["*", *named] if named else [])])

    @property
    def call(self) -> str:
        """The expression that makes the call."""
        path = self.path.removeprefix(f"{BASE}/").removeprefix(BASE)
        pairs = ", ".join(f"{name}={name}" for name in self.path_parameters)
        place = f'path("{path}", {pairs})' if pairs else f'"{path}"'
        parts = [f'"{self.verb}"', place, self.answer]
        if self.query:
            query = ", ".join(f'"{name}": {attribute(name)}' for name in self.query)
            parts.append(f"query={{{query}}}")
        if self.body:
            parts.append("body=body")
        if headers := self._header_values():
            parts.append(f"headers={{{headers}}}")
        if self.verb == "GET" or _KEY in self.headers:
            parts.append("repeatable=True")
        return f"Call({', '.join(parts)})"

    @property
    def _asked(self) -> dict[str, bool]:
        return {name: needed for name, needed in self.headers.items() if name != _KEY}

    def _header_values(self) -> str:
        values = {name: _header_value(name) for name, needed in self._asked.items() if needed}
        if _KEY in self.headers:
            values[_KEY] = "new_key()"
        return ", ".join(f'"{name}": {value}' for name, value in values.items())


def _header_argument(name: str) -> str:
    return "revision: Union[int, str]" if name == _MATCH else f"{attribute(name)}: str"


def _header_value(name: str) -> str:
    return "entity_tag(revision)" if name == _MATCH else attribute(name)


def attribute(name: str) -> str:
    """A name of the API as a name in Python."""
    name = re.sub(r"\W", "_", name)
    name = name.lower() if name[0].isupper() else name
    return f"{name}_" if keyword.iskeyword(name) else name


def type_of(schema: dict[str, Any], prefix: str = "") -> str:
    """The type in Python of what a schema describes; names of models get the prefix."""
    if "$ref" in schema:
        return prefix + str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        kinds = list(dict.fromkeys(type_of(choice, prefix) for choice in schema["anyOf"]))
        others = [kind for kind in kinds if kind != "None"]
        union = others[0] if len(others) == 1 else f"Union[{', '.join(others)}]"
        return _optional(union) if "None" in kinds else union
    kind = schema.get("type")
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}), prefix)}]"
    if kind == "object" or "properties" in schema:
        values = schema.get("additionalProperties")
        return f"dict[str, {type_of(values, prefix) if isinstance(values, dict) else 'Any'}]"
    if "enum" in schema and kind is None:
        return "str"
    return _TYPES.get(str(kind), "Any")


def _optional(kind: str) -> str:
    return kind if kind.startswith("Optional[") or kind == "Any" else f"Optional[{kind}]"


def write_model(name: str, schema: dict[str, Any]) -> str:
    """The class of an object, or the name of another type."""
    if "properties" not in schema:
        return f"{name} = {type_of(schema)}\n"
    required = set(schema.get("required", ()))
    properties = sorted(schema["properties"].items(), key=lambda item: item[0] not in required)
    lines = [_field(key, value, key in required) for key, value in properties]
    text = schema.get("description", name).strip()
    doc = f'"""{text}"""' if "\n" not in text else f'"""{text}\n"""'
    body = "\n".join("    " + line if line else "" for line in [*doc.splitlines(), "", *lines])
    return f"@dataclass(frozen=True)\nclass {name}:\n{body}\n"


def _field(key: str, schema: dict[str, Any], required: bool) -> str:
    name, kind = attribute(key), type_of(schema)
    if name != key:
        default = "" if required else "default=None, "
        kind = kind if required else _optional(kind)
        return f'{name}: {kind} = field({default}metadata={{"key": "{key}"}})'
    return f"{name}: {kind}" if required else f"{name}: {_optional(kind)} = None"


def methods_of(document: dict[str, Any]) -> Iterator[Method]:
    """The methods, in the order of the description."""
    for path, item in document["paths"].items():
        for verb in _METHODS:
            operation = item.get(verb)
            if operation and "operationId" in operation and is_simple(operation):
                yield _method(path, verb, item, operation)


def is_simple(operation: dict[str, Any]) -> bool:
    """Whether body and answer are JSON or text that is read at once."""
    kinds = {*_contents(operation.get("requestBody", {})), *_contents(_answer(operation))}
    return kinds <= {_JSON, "text/plain"} and any(
        status[0] == "2" for status in operation["responses"]
    )


def _method(path: str, verb: str, item: dict[str, Any], operation: dict[str, Any]) -> Method:
    parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
    by_place = {
        place: [parameter for parameter in parameters if parameter["in"] == place]
        for place in ("path", "query", "header")
    }
    body = operation.get("requestBody", {}).get("content", {}).get(_JSON)
    answer = _contents(_answer(operation))
    return Method(
        name=attribute(operation["operationId"]),
        tag=operation["tags"][0],
        verb=verb.upper(),
        path=path,
        summary=operation["summary"],
        path_parameters=[parameter["name"] for parameter in by_place["path"]],
        query={parameter["name"]: type_of(parameter["schema"]) for parameter in by_place["query"]},
        headers={
            parameter["name"]: parameter.get("required", False) for parameter in by_place["header"]
        },
        body=None if body is None else type_of(body["schema"], "models."),
        answer=_answer_type(answer),
    )


def _answer_type(contents: dict[str, Any]) -> str:
    if not contents:
        return "None"
    if _JSON not in contents:
        return "str"
    return type_of(contents[_JSON].get("schema", {}), "models.")


def _answer(operation: dict[str, Any]) -> dict[str, Any]:
    good = sorted(status for status in operation["responses"] if status.startswith("2"))
    answer: dict[str, Any] = operation["responses"][good[0]] if good else {}
    return answer


def _contents(part: dict[str, Any]) -> dict[str, Any]:
    contents: dict[str, Any] = part.get("content", {})
    return contents


def used_models(document: dict[str, Any], methods: list[Method]) -> dict[str, Any]:
    """The schemas that methods take and return, with those within them."""
    schemas, used = document["components"]["schemas"], dict[str, Any]()
    names = [
        name for method in methods for name in re.findall(r"\w+", f"{method.body} {method.answer}")
    ]
    while names:
        name = names.pop()
        if name in schemas and name not in used:
            used[name] = schemas[name]
            names += references(schemas[name])
    return {name: used[name] for name in sorted(used)}


def references(schema: dict[str, Any]) -> list[str]:
    """The names of the schemas that a schema refers to."""
    return re.findall(r"#/components/schemas/(\w+)", json.dumps(schema))


def place_models(document: dict[str, Any], methods: list[Method]) -> dict[str, str]:
    """The module of each model: the tag whose operations use it, `common` if several do.

    What a model consists of is used wherever the model is, so only `common` is ever imported by
    another of these modules.
    """
    tags: dict[str, list[str]] = {}
    for tag in dict.fromkeys(method.tag for method in methods):
        for name in used_models(document, [method for method in methods if method.tag == tag]):
            tags.setdefault(name, []).append(tag)
    modules = {name: names[0] if len(names) == 1 else _COMMON for name, names in tags.items()}
    return dict(sorted(modules.items()))


def write_models(module: str, schemas: dict[str, Any], modules: dict[str, str]) -> str:
    """One of the modules of models; those within others come first."""
    ordered: dict[str, Any] = {}

    def add(name: str) -> None:
        if name in ordered or modules[name] != module:
            return
        for inner in references(schemas[name]):
            if inner != name:
                add(inner)
        ordered.setdefault(name, schemas[name])

    for name in modules:
        add(name)
    used = {inner for schema in ordered.values() for inner in references(schema)}
    common = ", ".join(sorted(used - set(ordered)))
    imports = f"from rosetta_client.models.{_COMMON} import {common}\n\n" if common else ""
    classes = "\n\n".join(write_model(name, schema) for name, schema in ordered.items())
    return (
        f'"""{_describe(module)}\n\n{_MADE}\n"""\n\n'
        "from dataclasses import dataclass, field\nfrom typing import Any, Optional, Union\n\n"
        f"{imports}\n{classes}"
    )


def _describe(module: str) -> str:
    if module == _COMMON:
        return "Models that operations of several tags use."
    return f"Models of the operations with the tag `{module}`."


def write_package(modules: dict[str, str]) -> str:
    """The package of the models, which imports a module when one of its models is used."""
    imports = "".join(
        f"    from {PACKAGE.name}.{MODELS.name}.{module} import "
        f"{', '.join(name for name in modules if modules[name] == module)}\n"
        for module in sorted(set(modules.values()))
    )
    return (
        f'"""What the API takes and answers.\n\n{_MADE}\n"""\n\n'
        "from __future__ import annotations\n\n"
        "import importlib\nfrom typing import TYPE_CHECKING, Any\n\n"
        f"__all__ = {json.dumps(list(modules))}\n\n"
        "# A module is imported when one of its models is first used: a command should start at\n"
        "# once, and Python takes about a millisecond for each class.\n"
        f"_MODULES = {json.dumps(modules)}\n\n"
        f"if TYPE_CHECKING:\n{imports}else:\n"
        "    # Type checkers do not see this: with it they would accept every name.\n"
        f"{_GETATTR}"
    )


def write_operations(methods: list[Method], is_async: bool) -> str:
    """The module of the methods of one client."""
    prefix, wait = ("async ", "await ") if is_async else ("", "")
    name = "AsyncOperations" if is_async else "Operations"
    kind = "that are awaited" if is_async else "that wait for the answer"
    body = "".join(
        f"\n    {prefix}def {method.name}({method.arguments}) -> {method.answer}:\n"
        f'        """{method.summary}."""\n'
        f"        {'' if method.answer == 'None' else 'return '}{wait}self.call({method.call})\n"
        for method in methods
    )
    return (
        f'"""The operations of the API as methods {kind}.\n\n{_MADE}\n"""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import Any, Optional, TypeVar, Union\n\n"
        "from rosetta_client import models\n"
        "from rosetta_client.calls import Call, entity_tag, new_key, path\n\n"
        'T = TypeVar("T")\n\n\n'
        f'class {name}:\n    """A method for each operation; `call` sends them."""\n\n'
        f"    {prefix}def call(self, call: Call[T]) -> T:\n"
        f'        """Send a call."""\n        raise NotImplementedError\n{body}'
    )


def generate() -> dict[Path, str]:
    """The files, not yet formatted."""
    document = describe_api("/services/rosetta/")
    methods = list(methods_of(document))
    schemas, modules = used_models(document, methods), place_models(document, methods)
    models = {
        MODELS / f"{module}.py": write_models(module, schemas, modules)
        for module in sorted(set(modules.values()))
    }
    return {
        MODELS / "__init__.py": write_package(modules),
        **models,
        PACKAGE / "operations.py": write_operations(methods, is_async=False),
        PACKAGE / "async_operations.py": write_operations(methods, is_async=True),
    }


def formatted(path: Path, text: str) -> str:
    """The text as ruff writes it, without imports that are not used."""
    for command in (_FIX, ["format", "--quiet"]):
        arguments = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(path), "-"]
        process = subprocess.run(
            arguments, input=text, capture_output=True, text=True, timeout=60, check=False
        )
        if process.returncode != 0:
            raise ValueError(
                f"ruff {command[0]} {path.name}: {process.stdout[-2000:]}{process.stderr}"
            )
        text = process.stdout
    return text


def main() -> None:
    """Write the files, and delete modules of models that there are no more."""
    files = {path: formatted(path, text) for path, text in generate().items()}
    MODELS.mkdir(exist_ok=True)
    for path in set(MODELS.glob("*.py")) - set(files):
        path.unlink()
    for path, text in files.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
