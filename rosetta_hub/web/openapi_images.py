"""The part of the REST API's description that is about images in registries."""

from typing import Any

from rosetta_hub.web.images_api import ImageView
from rosetta_hub.web.rights import READ_OWN, needs

_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_IMAGE = {
    "name": "image",
    "in": "query",
    "required": True,
    "schema": {"type": "string"},
    "description": "A reference, such as ghcr.io/org/app:1.2 or ubuntu",
}


def images_schemas() -> dict[str, Any]:
    """The schemas of answers."""
    schema = ImageView.model_json_schema(mode="serialization", ref_template=_REF)
    return {**schema.pop("$defs", {}), "ImageView": schema}


def images_paths() -> dict[str, Any]:
    """All paths below `/api/v1/images`."""
    content = {_JSON: {"schema": {"$ref": _REF.format(model="ImageView")}}}
    refused = {
        "description": 'Refused: problem details with "reason": one word for'
        ' programs, "until": when a limit of pulls ends'
    }
    summary = "Look an image up in its registry"
    call = {
        "summary": summary,
        "parameters": [_IMAGE],
        "responses": {
            "200": {"description": summary, "content": content},
            "4XX": refused,
            "503": {"description": "The registry does not answer: try again later"},
        },
    }
    return {"/api/v1/images": {"get": needs(READ_OWN, call)}}
