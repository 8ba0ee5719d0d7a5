"""The part of the REST API's description that is about the principal's own account."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub.users.dates import DateChoices
from rosetta_hub.users.groups import GroupView
from rosetta_hub.users.identities import IdentityView
from rosetta_hub.web.account_api import ImportedKey, RemoteUser
from rosetta_hub.web.account_data_api import Deletion
from rosetta_hub.web.account_mail_api import AddressCode, MailChoice
from rosetta_hub.web.account_tokens_api import NewToken, SessionView, TokenView
from rosetta_hub.web.rights import CHANGE_OWN, READ_OWN, all_need, needs

_JSON = "application/json"
_REF = "#/components/schemas/{model}"
_COMPUTING = {"name": "computing", "in": "path", "required": True, "schema": {"type": "string"}}
_REFUSED = {"description": "Refused: problem details (RFC 9457)"}
_TOKEN = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_MODELS: tuple[type[BaseModel], ...] = (
    IdentityView,
    RemoteUser,
    ImportedKey,
    MailChoice,
    AddressCode,
    DateChoices,
    GroupView,
    NewToken,
    TokenView,
    SessionView,
    Deletion,
)


def account_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    schemas: dict[str, Any] = {}
    for model in _MODELS:
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    return schemas


def account_paths() -> dict[str, Any]:
    """All paths below `/api/v1/account`."""
    paths = {**_identity_paths(), **_mail_paths(), **_profile_paths(), **_token_paths()}
    return all_need(CHANGE_OWN, {**paths, **_data_paths()})


def _identity_paths() -> dict[str, Any]:
    identity, path = _model("IdentityView"), "/api/v1/account/identities"
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
        f"{path}/{{computing}}/key": {
            "parameters": [_COMPUTING],
            "put": _call("Bring a private key", identity, "ImportedKey"),
        },
    }


def _mail_paths() -> dict[str, Any]:
    mail = _object("address", "available")
    return {
        "/api/v1/account/mail": {
            "get": needs(READ_OWN, _call("The principal's mails", mail)),
            "put": _call("Choose mails", mail, "MailChoice"),
        },
        "/api/v1/account/mail/confirm": {
            "post": _call("Confirm an address", mail, "AddressCode"),
        },
    }


def _profile_paths() -> dict[str, Any]:
    dates = _model("DateChoices")
    return {
        "/api/v1/account/dates": {
            "get": needs(READ_OWN, _call("The principal's time zone and language", dates)),
            "put": _call("Set time zone and language of dates", dates, "DateChoices"),
        },
        "/api/v1/account/groups": {
            "get": needs(READ_OWN, _call("The principal's groups", _list("groups", "GroupView")))
        },
    }


def _token_paths() -> dict[str, Any]:
    token, sessions = _model("TokenView"), _list("sessions", "SessionView")
    return {
        "/api/v1/account/tokens": {
            "get": needs(READ_OWN, _call("The principal's tokens", _list("tokens", "TokenView"))),
            "post": _call("Make a token, which is shown once", token, "NewToken", "201"),
        },
        "/api/v1/account/tokens/{id}": {
            "parameters": [_TOKEN],
            "delete": _call("Delete a token", _object("id")),
        },
        "/api/v1/account/sessions": {
            "get": needs(READ_OWN, _call("Where the principal is logged in", sessions)),
            "delete": _call("End all logins of the principal", _object()),
        },
    }


def _data_paths() -> dict[str, Any]:
    return {
        "/api/v1/account/data": {
            "get": _call("What is stored about the principal", _object("user", "exported")),
        },
        "/api/v1/account/data/delete": {
            "post": _call("Delete what is stored", _object(), "Deletion"),
        },
    }


def _call(
    summary: str, schema: dict[str, Any], body: str | None = None, status: str = "200"
) -> dict[str, Any]:
    answer = {"description": summary, "content": {_JSON: {"schema": schema}}}
    call: dict[str, Any] = {"summary": summary, "responses": {status: answer, "4XX": _REFUSED}}
    if body:
        call["requestBody"] = {"content": {_JSON: {"schema": _model(body)}}}
    return call


def _model(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(model=name)}


def _list(key: str, model: str) -> dict[str, Any]:
    items = {"type": "array", "items": _model(model)}
    return {"type": "object", "required": [key], "properties": {key: items}}


def _object(*keys: str) -> dict[str, Any]:
    return {"type": "object", "required": list(keys)}
