"""Requests that the API's description asks for: bodies, queries and headers from its schemas."""

import json
import re
from typing import Any
from urllib.parse import urlencode

# What a schema can't know: values that are good here, by the name of the parameter or property.
VALUES: dict[str, Any] = {
    "If-Match": '"1"',
    "image": "127.0.0.1:1/app:1",
    "host": "127.0.0.1:1",
    "software": "echo",
    "computing": "cluster",
    "remote_user": "ada",
    "storage": "data",
    "paths": ["x"],
    "path": "y",
    "provider": "gh",
    "spec": "octo/hello/main",
    "user": "alice",
    "image_name": "team/app",
    "password": "not a secret",
}
TEXT = "application/octet-stream"
_REF = re.compile(r"#/components/schemas/(\w+)")


class Examples:
    """Makes examples of the schemas of a description."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas = document["components"]["schemas"]

    def body(self, operation: dict[str, Any]) -> tuple[bytes | None, dict[str, str]]:
        """A body that the operation takes, and its headers; none where it takes none."""
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            return None, {}
        kind = next(iter(content))
        if kind != "application/json":
            return b"", {"Content-Type": kind}
        value = self.value(content[kind]["schema"])
        return json.dumps(value).encode(), {"Content-Type": kind}

    def query(self, parameters: list[dict[str, Any]]) -> str:
        """The query with all parameters that have to be there."""
        needed = [
            parameter
            for parameter in parameters
            if parameter["in"] == "query" and parameter.get("required")
        ]
        query = urlencode({item["name"]: self.parameter(item) for item in needed})
        return f"?{query}" if query else ""

    def headers(self, parameters: list[dict[str, Any]]) -> dict[str, str]:
        """The headers that have to be there."""
        needed = [
            parameter
            for parameter in parameters
            if parameter["in"] == "header" and parameter.get("required")
        ]
        return {item["name"]: str(self.parameter(item)) for item in needed}

    def parameter(self, parameter: dict[str, Any]) -> Any:
        """A value of a parameter."""
        if "example" in parameter:
            return parameter["example"]
        return self.value(parameter["schema"], parameter["name"])

    def value(self, schema: dict[str, Any], name: str = "") -> Any:
        """A value that fits, with those properties alone that have to be there."""
        if match := _REF.fullmatch(schema.get("$ref", "")):
            return self.value(self._schemas[match[1]], name)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if "examples" in schema:
            return schema["examples"][0]
        if name in VALUES:
            return VALUES[name]
        if "enum" in schema:
            return schema["enum"][0]
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self.value(schema[key][0], name)
        return self._of_type(schema, name)

    def _of_type(self, schema: dict[str, Any], name: str) -> Any:
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            properties = schema.get("properties", {})
            return {key: self.value(properties[key], key) for key in schema.get("required", [])}
        if kind == "array":
            return [self.value(schema["items"], name)] * schema.get("minItems", 0)
        if kind in ("integer", "number"):
            return schema.get("minimum", 1)
        return {"boolean": True, "null": None}.get(str(kind), "example")
