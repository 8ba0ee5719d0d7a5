"""The part of the REST API's description that is about accounts at registries."""

from typing import Any

from rosetta_hub.registries.credentials import CredentialView
from rosetta_hub.web.registries_api import RegistriesView, RegistryAccount
from rosetta_hub.web.rights import (
    CHANGE_OWN,
    CHANGE_OWNED,
    NO_LOGIN,
    READ_OWN,
    all_need,
    needs,
)

_JSON = "application/json"
_REF = "#/components/schemas/{model}"
_HOST = {"name": "host", "in": "path", "required": True, "schema": {"type": "string"}}
_ACCOUNT = {"$ref": _REF.format(model="CredentialView")}
_REFUSED = {"description": "Refused: problem details (RFC 9457)"}


def registries_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    schemas: dict[str, Any] = {}
    for model in (RegistryAccount, RegistriesView, CredentialView):
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    return schemas


def registries_paths() -> dict[str, Any]:
    """All paths below `/api/v1/registries`, and the token server."""
    body = {"content": {_JSON: {"schema": {"$ref": _REF.format(model="RegistryAccount")}}}}
    everything = {"$ref": _REF.format(model="RegistriesView")}
    deleted = {"type": "object", "required": ["host"]}
    token = {"type": "object", "required": ["token", "expires_in"]}
    paths = {
        "/api/v1/registries": {
            "get": needs(READ_OWN, _call("The principal's accounts at registries", everything))
        },
        "/api/v1/registries/{host}": {
            "parameters": [_HOST],
            "put": {**_call("Keep an account", _ACCOUNT), "requestBody": body},
            "delete": needs(CHANGE_OWNED, _call("Delete the account", deleted)),
        },
        "/api/v1/registries/{host}/test": {
            "parameters": [_HOST],
            "post": needs(CHANGE_OWNED, _call("Log in there with the account", _ACCOUNT)),
        },
        "/registry/token": {
            "get": needs(
                NO_LOGIN,
                _call(
                    "A token for the hub's registry (Basic: user name and token of the hub);"
                    " scope read:servers to pull, servers to push",
                    token,
                ),
            )
        },
    }
    return all_need(CHANGE_OWN, paths)


def _call(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    answer = {"description": summary, "content": {_JSON: {"schema": schema}}}
    return {"summary": summary, "responses": {"200": answer, "4XX": _REFUSED}}
