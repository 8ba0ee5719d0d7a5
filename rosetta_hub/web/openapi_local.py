"""The part of the REST API's description that is about local accounts."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub.accounts.administration import InvitationView, SignUpView
from rosetta_hub.web.admin_accounts_api import AccountState, NewInvitation
from rosetta_hub.web.rights import ADMINISTER, all_need

_JSON = "application/json"
_REF = "#/components/schemas/{model}"
_REFUSED = {"description": "Refused: problem details (RFC 9457)"}
_ACCOUNTS = "/api/v1/admin/accounts"
_HEX = {"type": "string", "pattern": "^[0-9a-f]+$", "examples": ["0" * 32]}
_ID = {"name": "id", "in": "path", "required": True, "schema": _HEX}
_USER = {"name": "user", "in": "path", "required": True, "schema": {"type": "string"}}
_MODELS: tuple[type[BaseModel], ...] = (*(AccountState, InvitationView, NewInvitation, SignUpView),)


def local_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    schemas: dict[str, Any] = {}
    for model in _MODELS:
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    return schemas


def local_paths() -> dict[str, Any]:
    """All paths below `/api/v1/admin/accounts`."""
    return all_need(ADMINISTER, _admin_paths())


def _admin_paths() -> dict[str, Any]:
    return {
        _ACCOUNTS: {
            "get": _call("Who waits, invitations and blocked users", ("waiting", "invitations"))
        },
        f"{_ACCOUNTS}/sign-ups/{{id}}": {
            "parameters": [_ID],
            "post": _call("Approve", status="204"),
            "delete": _call("Refuse", status="204"),
        },
        f"{_ACCOUNTS}/invitations": {
            "post": _call(
                "Invite; the link is in this answer alone",
                ("id", "link"),
                body=NewInvitation,
                status="201",
            )
        },
        f"{_ACCOUNTS}/invitations/{{id}}": {
            "parameters": [_ID],
            "delete": _call("Withdraw", status="204"),
        },
        f"{_ACCOUNTS}/users/{{user}}": {
            "parameters": [_USER],
            "put": _call(
                "Block the user, whose sessions end, or let the user in again",
                ("user", "state"),
                body=AccountState,
            ),
        },
    }


def _call(
    summary: str,
    keys: tuple[str, ...] = (),
    *,
    body: type[BaseModel] | None = None,
    status: str = "200",
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": summary}
    if keys:
        answer["content"] = {_JSON: {"schema": {"type": "object", "required": list(keys)}}}
    call: dict[str, Any] = {"summary": summary, "responses": {status: answer, "4XX": _REFUSED}}
    if body:
        schema = {"$ref": _REF.format(model=body.__name__)}
        call["requestBody"] = {"content": {_JSON: {"schema": schema}}}
    return call
