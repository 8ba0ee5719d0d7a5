"""What requests carry, as models: JSON of a body, and the query of an address."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_origin, overload

from pydantic import BaseModel, ConfigDict, ValidationError

from rosetta_hub.catalogue.validation import describe_value_fault
from rosetta_hub.errors import InvalidOptions, UnsupportedMediaType
from rosetta_hub.web.base_handler import BaseHandler

JSON = "application/json"
Model = TypeVar("Model", bound=BaseModel)


class RequestModel(BaseModel):
    """A body or a query: keys that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@overload
def read_json(handler: BaseHandler, model: type[Model]) -> Model: ...


@overload
def read_json(handler: BaseHandler, model: None) -> dict[str, Any]: ...


def read_json(handler: BaseHandler, model: type[Model] | None) -> Model | dict[str, Any]:
    """The body of a request as the model has it, or the JSON object itself; no body is `{}`.

    Raises:
        UnsupportedMediaType: the request says that it is something else than JSON.
        MalformedRequest: it is no JSON object.
        InvalidOptions: it does not fit.
    """
    kind = handler.request.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    if handler.request.body and kind != JSON:
        raise UnsupportedMediaType(f"Send JSON, with the header 'Content-Type: {JSON}'.")
    document = handler.json_body()
    return document if model is None else parse_body(model, document)


def read_query(handler: BaseHandler, model: type[Model]) -> Model:
    """The query of an address as a model; empty values count as left out.

    Raises:
        InvalidOptions: it does not fit.
    """
    values: dict[str, Any] = {}
    lists = {
        key for key, field in model.model_fields.items() if get_origin(field.annotation) is list
    }
    for name in handler.request.query_arguments:
        texts = [text for text in handler.get_query_arguments(name) if text]
        # JupyterHub's XSRF token may stand in the address, too.
        if texts and name != "_xsrf":
            values[name] = texts if len(texts) > 1 or name in lists else texts[0]
    return parse_body(model, values, "query")


def parse_body(model: type[Model], body: Mapping[str, Any], part: str = "body") -> Model:
    """A part of a request as the model has it.

    Raises:
        InvalidOptions: it does not fit; the message names the keys, and the faults say why.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise InvalidOptions(
            _message(faults),
            [
                {
                    "pointer": _pointer(part, fault["loc"]),
                    "detail": describe_value_fault(fault),
                }
                for fault in faults
            ],
        ) from error


def _message(faults: Sequence[Mapping[str, Any]]) -> str:
    keys = sorted({str(fault["loc"][0]) for fault in faults if fault["loc"]})
    if not keys:
        # What is wrong between keys names them itself.
        return f"{describe_value_fault(faults[0])}."
    return f"The request does not fit here: look at {', '.join(keys)}."


def _pointer(part: str, location: tuple[str | int, ...]) -> str:
    """As RFC 6901 writes it."""
    keys = (str(key).replace("~", "~0").replace("/", "~1") for key in location)
    return "/" + "/".join((part, *keys))
