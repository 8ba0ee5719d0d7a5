"""The page of the REST API, made of its description (OpenAPI 3.1)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

METHODS = ("get", "head", "post", "put", "patch", "delete")
# Parts of the page: those whose operations have no tag go by the beginning of their path.
_TITLES = {"account": "Account", "admin": "Administration"}
_CODE = re.compile(r"(`[^`]*`)")
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "characters at least",
    "maxLength": "characters at most",
    "maxItems": "items at most",
    "pattern": "pattern",
}

Document = Mapping[str, Any]


def build_page(introduction: str, document: Document) -> str:
    """All operations by their parts, then all models."""
    parts: dict[str, list[str]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            if method in item:
                operation = item[method] | {"parameters": _parameters(item, method)}
                part = _part_of(path, operation)
                parts.setdefault(part, []).append(_operation(method, path, operation))
    texts = {tag["name"]: f"{tag['description']}." for tag in document["tags"]}
    lines = [introduction]
    for part, operations in parts.items():
        if operations:
            title = _TITLES.get(part, part.capitalize())
            lines += [f"\n## {title}\n\n{texts.get(part, '')}\n", *operations]
    return "\n".join([*lines, "\n## Models\n", *_models(document["components"]["schemas"])])


def _parameters(item: Document, method: str) -> list[Document]:
    return [*item.get("parameters", ()), *item[method].get("parameters", ())]


def _part_of(path: str, operation: Document) -> str:
    tags = operation.get("tags")
    return str(tags[0]) if tags else path.removeprefix("/api/v1/").split("/")[0]


def _operation(method: str, path: str, operation: Document) -> str:
    """What one call does, needs, is given and answers."""
    name = operation.get("operationId")
    client = f" In the Python client: `{name}`." if name else ""
    right = operation.get("description", "")
    lines = [f"### `{method.upper()} {path.removeprefix('/')}`\n"]
    lines += [f"{_sentence(operation['summary'])}{client}\n", f"Right: {plain(right)}\n"]
    rows = [
        (
            f"`{parameter['name']}`",
            parameter["in"],
            type_text(parameter["schema"]),
            parameter.get("description", ""),
        )
        for parameter in operation["parameters"]
    ]
    lines += [*_table(("parameter", "in", "type", "meaning"), rows)]
    lines += [f"{text}\n" for text in (_body(operation), _answers(operation)) if text]
    return "\n".join(lines)


def _body(operation: Document) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    return f"Body: {', '.join(_content(content))}." if content else ""


def _answers(operation: Document) -> str:
    """The statuses: what is answered, and which refusals there may be."""
    answers, refusals = [], []
    for status, response in operation["responses"].items():
        content = ", ".join(_content(response.get("content", {})))
        if "$ref" in response or not status.startswith(("1", "2", "3")):
            refusals.append(f"`{status}`")
        else:
            answers.append(f"`{status}`{f': {content}' if content else ''}")
    text = f"Answers {'; '.join(answers)}." if answers else ""
    return f"{text} Refusals: {', '.join(refusals)}." if refusals else text


def _content(content: Document) -> Iterator[str]:
    for media_type, media in content.items():
        text = type_text(media["schema"]) if media.get("schema") else ""
        yield text if media_type == "application/json" and text else f"`{media_type}`"


def _models(schemas: Mapping[str, Document]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        required = schema.get("required", ())
        rows = [
            (
                f"`{field}`",
                type_text(field_schema),
                "yes" if field in required else "",
                field_schema.get("description", ""),
            )
            for field, field_schema in schema.get("properties", {}).items()
        ]
        yield f"### {name}\n\n{plain(schema.get('description', ''))}\n"
        yield from _table(("field", "type", "always there", "meaning"), rows)
        if not rows:
            yield f"{type_text(schema)}\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table, without its last column where that is empty; nothing where there are no rows."""
    rows = list(rows)
    if not rows:
        return
    if not any(row[-1] for row in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    for row in (head, tuple("---" for _ in head), *(map(plain, row) for row in rows)):
        yield f"| {' | '.join(row)} |"
    yield ""


def type_text(schema: Document) -> str:
    """A schema in words; models are links."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(type_text(choice) for choice in schema[key])
    if schema.get("type") == "array":
        return f"list of {type_text(schema['items'])}" if schema.get("items") else "list"
    inner = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(inner, dict) and inner:
        return f"object of {type_text(inner)}"
    return _scalar(schema)


def _scalar(schema: Document) -> str:
    kind = schema.get("type", "any")
    name = schema.get("format") or (" or ".join(kind) if isinstance(kind, list) else kind)
    bounds = [f"{words} `{schema[key]}`" for key, words in _BOUNDS.items() if key in schema]
    return ", ".join([str(name), *bounds])


def _sentence(text: str) -> str:
    return f"{plain(text).rstrip('.')}."


def plain(text: str) -> str:
    """A text on one line, in which nothing but code and links is markup."""
    parts = _CODE.split(" ".join(text.split()).replace("|", "\\|"))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)
