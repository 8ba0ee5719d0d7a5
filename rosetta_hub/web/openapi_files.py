"""The part of the REST API's description that is about storages and files."""

from typing import Any

from rosetta_hub.web.rights import ENTER_OWN, all_need

_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_BYTES = "application/octet-stream"
_PIECE = "application/offset+octet-stream"

_STORAGE = {"name": "storage", "in": "path", "required": True, "schema": {"type": "string"}}
_PATH = {
    "name": "path",
    "in": "path",
    "required": True,
    "description": "Relative to the storage; every byte but unreserved ones and `/` is encoded",
    "schema": {"type": "string"},
}
_UPLOAD = {"name": "upload", "in": "path", "required": True, "schema": {"type": "string"}}
_TICKET = {"name": "ticket", "in": "path", "required": True, "schema": {"type": "string"}}

_ENTRY = {
    "type": "object",
    "required": ["name", "path", "type", "size", "modified", "mode", "owner", "group", "etag"],
    "properties": {
        "name": {"type": "string", "description": "To be shown; `path` is what calls take"},
        "path": {"type": "string"},
        "type": {"enum": ["file", "directory", "link", "fifo", "socket", "device"]},
        "size": {"type": "integer", "description": "Bytes"},
        "modified": {"type": "number", "description": "Seconds since 1970"},
        "mode": {"type": "integer"},
        "owner": {"type": "string"},
        "group": {"type": "string"},
        "etag": {"type": "string"},
        "media_type": {"type": "string"},
        "target": {"type": "string"},
        "target_type": {"type": ["string", "null"]},
    },
}

FILES_SCHEMAS: dict[str, Any] = {"Entry": _ENTRY}


def files_paths() -> dict[str, Any]:
    """All paths below `/api/v1/storages`."""
    storage = "/api/v1/storages/{storage}"
    paths = {
        "/api/v1/storages": {"get": _call("The principal's storages", _object("storages"))},
        storage: _at(get=_call("A storage with its room; it is contacted", _object("usage"))),
        f"{storage}/list/{{path}}": _at(
            _PATH,
            get=_call(
                "A page of a folder",
                _object("entries"),
                parameters=["sort", "reverse", "filter", "hidden", "offset", "limit"],
            ),
        ),
        f"{storage}/entry/{{path}}": _at(_PATH, get=_call("An entry", _ref("Entry"))),
        f"{storage}/folder/{{path}}": _at(_PATH, post=_call("Make a folder", _ref("Entry"), "201")),
        f"{storage}/rename": _at(post=_call("Rename or move", _ref("Entry"), body="Renaming")),
        f"{storage}/remove": _at(
            post=_call("Remove, or count what would be", _object("files"), body="Removal")
        ),
        f"{storage}/mode": _at(
            post=_call("Set permission bits", _ref("Entry"), body="Permissions")
        ),
        **_content_paths(storage),
        **_upload_paths(f"{storage}/uploads"),
    }
    return all_need(ENTER_OWN, paths)


def _content_paths(storage: str) -> dict[str, Any]:
    whole = _call(
        "The file; Range, If-Range, If-Match, If-None-Match",
        {"type": "string", "format": "binary"},
        kind=_BYTES,
        parameters=["download"],
    )
    written = _call("Write a small file; If-Match, or If-None-Match: *", _ref("Entry"))
    written["requestBody"] = {"content": {_BYTES: {}}}
    archive = _call("The archive, once", {"type": "string"}, kind="application/zip")
    return {
        f"{storage}/file/{{path}}": _at(
            _PATH, get=whole, head=_call("The file's headers", {}), put=written
        ),
        f"{storage}/preview/{{path}}": _at(
            _PATH,
            get=_call(
                "What can be shown of a file; PNG for images",
                _object("kind"),
                parameters=["kind", "hdu"],
            ),
        ),
        f"{storage}/archive": _at(
            post=_call("The address of an archive", _object("url"), body="Selection")
        ),
        f"{storage}/archive/{{ticket}}": _at(_TICKET, get=archive),
    }


def _upload_paths(uploads: str) -> dict[str, Any]:
    piece = _call("Append a piece; tus 1.0.0", {}, "204", parameters=["conflict"])
    piece["requestBody"] = {"content": {_PIECE: {}}}
    begun = _call("Begin an upload; tus 1.0.0", {}, "201")
    begun["requestBody"] = {"content": {_PIECE: {}}}
    return {
        uploads: _at(options=_call("What of tus is offered", {}, "204"), post=begun),
        f"{uploads}/{{upload}}": _at(
            _UPLOAD,
            head=_call("How far it is", {}),
            patch=piece,
            delete=_call("Give it up", {}, "204"),
        ),
    }


def _at(*parameters: dict[str, Any], **calls: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": [_STORAGE, *parameters], **calls}


def _call(
    summary: str,
    schema: dict[str, Any],
    status: str = "200",
    body: str | None = None,
    kind: str = _JSON,
    parameters: list[str] | None = None,
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": summary}
    if schema:
        answer["content"] = {kind: {"schema": schema}}
    call: dict[str, Any] = {
        "summary": summary,
        "responses": {
            status: answer,
            "4XX": {"description": 'Refused: problem details with "code"'},
            "503": {"description": "The storage does not answer"},
        },
    }
    if body:
        call["requestBody"] = {"content": {_JSON: {"schema": _ref(body)}}}
    if parameters:
        text = {"schema": {"type": "string"}}
        call["parameters"] = [{"name": name, "in": "query", **text} for name in parameters]
    return call


def _ref(model: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=model)}


def _object(key: str) -> dict[str, Any]:
    return {"type": "object", "required": [key]}
