"""Bodies of requests: JSON that a model describes."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rosetta_hub.errors import InvalidOptions

Model = TypeVar("Model", bound=BaseModel)


def parse_body(model: type[Model], body: dict[str, Any]) -> Model:
    """The body as the model has it.

    Raises:
        InvalidOptions: it does not fit; the message names the keys.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        keys = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors()}))
        raise InvalidOptions(f"The request does not fit here: look at {keys}.") from error
