"""The part of the REST API's description that is about the principal's own account."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub.users.identities import IdentityView
from rosetta_hub.web.account_api import MailChoice, RemoteUser
from rosetta_hub.web.openapi_rights import CHANGE_OWN, READ_OWN, all_need, needs

_JSON = "application/json"
_REF = "#/components/schemas/{model}"
_COMPUTING = {"name": "computing", "in": "path", "required": True, "schema": {"type": "string"}}
_REFUSED = {"description": 'Refused: {"error": a message that tells why}'}
_MODELS: tuple[type[BaseModel], ...] = (IdentityView, MailChoice, RemoteUser)


def account_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    schemas: dict[str, Any] = {}
    for model in _MODELS:
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    return schemas


def account_paths() -> dict[str, Any]:
    """All paths below `/api/account`."""
    return all_need(CHANGE_OWN, {**_identity_paths(), **_mail_paths()})


def _identity_paths() -> dict[str, Any]:
    identity, path = _model("IdentityView"), "/api/account/identities"
    return {
        path: {"get": needs(READ_OWN, _call("The principal's keys", _object("identities")))},
        f"{path}/{{computing}}": {
            "parameters": [_COMPUTING],
            "put": _call("Set the account", identity, "RemoteUser"),
            "delete": _call("Delete the key pair", identity),
        },
        f"{path}/{{computing}}/test": {
            "parameters": [_COMPUTING],
            "post": _call("Log in there with the key", identity),
        },
        f"{path}/{{computing}}/renew": {
            "parameters": [_COMPUTING],
            "post": _call("Make a new key pair", identity),
        },
    }


def _mail_paths() -> dict[str, Any]:
    mail = _object("address", "available")
    return {
        "/api/account/mail": {
            "get": needs(READ_OWN, _call("The principal's mails", mail)),
            "put": _call("Choose mails", mail, "MailChoice"),
        },
    }


def _call(summary: str, schema: dict[str, Any], body: str | None = None) -> dict[str, Any]:
    answer = {"description": summary, "content": {_JSON: {"schema": schema}}}
    call: dict[str, Any] = {"summary": summary, "responses": {"200": answer, "4XX": _REFUSED}}
    if body:
        call["requestBody"] = {"content": {_JSON: {"schema": _model(body)}}}
    return call


def _model(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(model=name)}


def _object(*keys: str) -> dict[str, Any]:
    return {"type": "object", "required": list(keys)}
