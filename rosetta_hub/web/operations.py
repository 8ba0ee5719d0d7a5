"""Operations of the REST API: methods of handlers that say what they take, answer and refuse.

A handler class stands for one path below `api/v1/`; each of its methods with `@operation` is an
operation. The same declaration reads the request, sends the answer, and describes both in the
document (`openapi.py`):

    class StopHandler(TellingHandler):
        path = "tasks/{task}/stop"

        @operation(id="stop_task", right=STOP_TASK, answer=TaskView, status=202)
        def post(self, task_id: str) -> TaskView:
            \"\"\"Stop the task, whatever its state.\"\"\"

Besides the parts of the path, a method may take `query` and `body`, annotated with models that
forbid extra keys. It returns a model, an `Answer` where status or headers depend on the case, or
None. A model that is `Revised` is sent with an `ETag`, a `PageView` with a `Link` to the next page.

Before the request is looked at, whoever does not see the task of the path is refused, and a token
that may not do this with what is its owner's; more than that is for the method to check.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import BaseModel
from tornado.httputil import HTTPServerRequest

from rosetta_hub.database.paging import PageView
from rosetta_hub.users.idempotency import StoredAnswer
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.bodies import JSON, read_json, read_query
from rosetta_hub.web.conditional import quote_etag
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.idempotent import answer_once
from rosetta_hub.web.revisions import Revised
from rosetta_hub.web.rights import Right

_ATTRIBUTE = "operation"
# Of a request's query, what does not belong into the address of the next page: JupyterHub's XSRF
# token is of this request alone.
_NOT_OF_NEXT_PAGE = ("after", "_xsrf")


@dataclass(frozen=True)
class Content:
    """A body or an answer that is no JSON: its handler reads or writes it."""

    media_types: tuple[str, ...]

    def __init__(self, *media_types: str) -> None:
        object.__setattr__(self, "media_types", media_types)


# An answer without a body, whose headers the handler writes.
NOTHING = Content()


@dataclass(frozen=True)
class Answer:
    """An answer with another status than the operation's own, or with headers."""

    document: BaseModel | None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Body = type[BaseModel] | Content | None


@dataclass(frozen=True)
class Operation:
    """What the description says of a method of a path."""

    id: str
    right: Right
    summary: str
    description: str
    answer: Body
    status: int
    also: tuple[int, ...]
    refuses: tuple[int, ...]
    headers: tuple[str, ...]
    query: type[BaseModel] | None
    body: Body
    idempotent: bool
    matches: bool


Method = Callable[..., Any]


def operation(
    *,
    id: str,
    right: Right,
    answer: Body = None,
    status: int | None = None,
    also: tuple[int, ...] = (),
    refuses: tuple[int, ...] = (),
    headers: tuple[str, ...] = (),
    body: Body = None,
    idempotent: bool = False,
    matches: bool = False,
) -> Callable[[Method], Method]:
    """Make a method of a handler an operation.

    `id` is the name of the client's method for it, `status` what it answers (by default 200, or 204
    without an answer), `also` other statuses of the same answer, `refuses` statuses of refusals
    besides those that every operation of its kind has, and `headers` names headers of the request
    that have to be there. `body` is only for bodies that the method reads by itself: with a `body`
    annotated as a dict it gets the JSON object, which then is described, and not checked.
    `idempotent`: with an `Idempotency-Key` it is carried out once (`idempotent.py`); it finds out
    by itself what an earlier attempt has done of which nobody knows (`handler.attempt`).
    `matches`: it changes what may be changed from two places at a time, and checks `If-Match`
    (`revisions.py`).
    """

    def decorate(method: Method) -> Method:
        annotations = inspect.get_annotations(method, eval_str=True)
        query, annotation = annotations.get("query"), annotations.get("body")
        summary, _, description = inspect.cleandoc(method.__doc__ or "").partition("\n\n")
        declared = Operation(
            id=id,
            right=right,
            summary=" ".join(summary.split()).removesuffix("."),
            description=description.partition("Raises:")[0].strip(),
            answer=answer,
            status=status or (204 if answer is None else 200),
            also=also,
            refuses=refuses,
            headers=headers,
            query=query,
            body=body or (annotation if is_model(annotation) else None),
            idempotent=idempotent,
            matches=matches,
        )
        return _wrapped(method, declared, query, annotation)

    return decorate


def operations_of(handler: type[Any]) -> dict[str, Operation]:
    """The operations of a handler class, by method in lower case."""
    return {
        name: getattr(value, _ATTRIBUTE)
        for name, value in vars(handler).items()
        if hasattr(value, _ATTRIBUTE)
    }


def _wrapped(
    method: Method, declared: Operation, query: type[BaseModel] | None, annotation: Any
) -> Method:
    @functools.wraps(method)
    async def respond(handler: BaseHandler, *path: str) -> None:
        handler.check_right(declared.right, path)
        arguments: dict[str, Any] = {}
        if query is not None:
            arguments["query"] = read_query(handler, query)
        if annotation is not None:
            arguments["body"] = read_json(handler, annotation if is_model(annotation) else None)
        call = functools.partial(_call, method, handler, *path, **arguments)
        if declared.idempotent and isinstance(handler, HubHandler):
            await _send_once(handler, declared, call)
            return
        result = await call()
        if not isinstance(declared.answer, Content):
            _send(handler, *_read_result(handler, declared, result))

    setattr(respond, _ATTRIBUTE, declared)
    return respond


async def _call(method: Method, *path: Any, **arguments: Any) -> Any:
    result = method(*path, **arguments)
    return await result if inspect.isawaitable(result) else result


async def _send_once(
    handler: HubHandler, declared: Operation, call: Callable[[], Awaitable[Any]]
) -> None:
    async def carry_out() -> StoredAnswer:
        status, document = _read_result(handler, declared, await call())
        return StoredAnswer(status, document.model_dump_json(by_alias=True) if document else "")

    answer = await answer_once(handler, carry_out)
    handler.set_status(answer.status)
    if answer.body:
        handler.set_header("Content-Type", JSON)
    handler.finish(answer.body or None)


def _read_result(
    handler: BaseHandler, declared: Operation, result: Any
) -> tuple[int, BaseModel | None]:
    """Status and document of what a method returned; its headers are set."""
    answer = result if isinstance(result, Answer) else Answer(result)
    for name, value in {**_headers_of(handler, answer.document), **answer.headers}.items():
        handler.set_header(name, value)
    return answer.status or declared.status, answer.document


def _headers_of(handler: BaseHandler, document: BaseModel | None) -> dict[str, str]:
    """The headers that a document has by its kind."""
    if isinstance(document, Revised):
        return {"ETag": quote_etag(document.revision)}
    if isinstance(document, PageView):
        return _link_next(handler.request, document.next)
    return {}


def _link_next(request: HTTPServerRequest, cursor: str | None) -> dict[str, str]:
    """`Link` (RFC 8288) to the next page, which has this cursor; nothing on the last page.

    The address is relative to that of the request: the hub's proxy may have another host.
    """
    if cursor is None:
        return {}
    parts = urlsplit(request.uri or "")
    query = [
        (name, value) for name, value in parse_qsl(parts.query) if name not in _NOT_OF_NEXT_PAGE
    ]
    return {"Link": f'<{parts.path}?{urlencode([*query, ("after", cursor)])}>; rel="next"'}


def _send(handler: BaseHandler, status: int, document: BaseModel | None) -> None:
    if document is None:
        handler.set_status(status)
        handler.finish()
    else:
        handler.answer(document, status)


def is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    """Whether it is a model, and not `Content`, another type, or nothing."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
