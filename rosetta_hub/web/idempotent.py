"""Operations that are carried out once, however often a request with its key is sent."""

from collections.abc import Awaitable, Callable

from rosetta_hub.errors import UserError
from rosetta_hub.users.idempotency import RequestKey, StoredAnswer, digest_request, parse_key
from rosetta_hub.web.handlers import HubHandler

HEADER = "Idempotency-Key"


async def answer_once(
    handler: HubHandler, carry_out: Callable[[], Awaitable[StoredAnswer]]
) -> StoredAnswer:
    """What `carry_out` answers, or has answered to the same request before.

    It finds in `handler.attempt` whether an earlier attempt may have taken effect.

    Raises:
        UserError: the header holds no key.
        RequestInProgress, IdempotencyKeyReused: see `IdempotencyKeys.begin`.
    """
    header = handler.request.headers.get(HEADER)
    if header is None:
        return await carry_out()
    requests, request = handler.services.account.requests, handler.request
    digest = digest_request(str(request.method), request.uri or "", request.body)
    key = RequestKey(handler.principal.name, parse_key(header), digest)
    attempt = requests.begin(key)
    if isinstance(attempt, StoredAnswer):
        handler.set_header("Idempotent-Replayed", "true")
        return attempt
    handler.attempt = attempt
    forget, answer = False, None
    try:
        answer = await carry_out()
    except UserError as error:
        # What is refused has changed nothing, but for what an earlier attempt may have changed.
        forget = error.status < 500 and not attempt.is_repeated
        raise
    finally:
        if answer is None:
            (requests.fail if forget else requests.leave)(key)
    requests.succeed(key, answer)
    return answer
