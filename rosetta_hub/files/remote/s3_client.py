"""Connections to S3 servers, and what their errors mean."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from rosetta_agent.files.errors import FilesError, refuse, show
from rosetta_agent.files.reading import changed
from rosetta_hub.files.remote.store import StoreUnavailable

# Seconds until a server begins to answer: less than the hub waits, so that the user is told why.
_TIMEOUT = 8
# Seconds that a server may take for what it does with all of a file.
_LONG_TIMEOUT = 570
_ATTEMPTS = 3
_KEY_REFUSED = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken")
_CODES = {
    "AccessDenied": "permission",
    "AccountProblem": "permission",
    "AllAccessDisabled": "permission",
    "EntityTooLarge": "too_large",
    "InsufficientStorage": "no_space",
    "KeyTooLongError": "name_too_long",
    "NoSuchKey": "not_found",
    "NoSuchUpload": "not_found",
    "QuotaExceeded": "no_space",
    "XMinioAdminBucketQuotaExceeded": "no_space",
    "XMinioStorageFull": "no_space",
}
_STATUS_CODES = {401: "permission", 403: "permission", 404: "not_found", 413: "too_large"}
_STATUS_CODES |= {507: "no_space"}
_BUSY = ("RequestTimeout", "SlowDown", "TooManyRequests")


class Connection:
    """Clients of one S3 server: `quick` for questions, `patient` for what takes long.

    Nothing but `settings` counts: no variables, files of the account, or services of a cloud.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        session = _session()
        self.quick = _client(session, settings, _TIMEOUT, 1)
        self.patient = _client(session, settings, _LONG_TIMEOUT, _ATTEMPTS)


def _client(session: Any, settings: Mapping[str, Any], timeout: int, attempts: int) -> Any:
    config = Config(
        signature_version="s3v4",
        connect_timeout=_TIMEOUT,
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        proxies={},
        ignore_configured_endpoint_urls=True,
        # Other servers than Amazon's know no checksums; payloads are signed instead.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path", "payload_signing_enabled": True},
    )
    client = session.create_client(
        "s3",
        endpoint_url=settings["url"],
        region_name=settings["region"],
        aws_access_key_id=settings["access_key_id"],
        aws_secret_access_key=settings["secret_key"],
        verify=settings["ca_file"] or True,
        config=config,
    )
    expected = urlsplit(settings["url"])

    def check(request: AWSPreparedRequest, **_others: Any) -> None:
        actual = urlsplit(request.url)
        if (actual.scheme, actual.netloc) != (expected.scheme, expected.netloc):
            raise FilesError("failed", "The server redirects elsewhere, which is not followed.")

    client.meta.events.register_first("before-send.s3", check)
    return client


def _session() -> Any:
    """A session that reads no file of the account."""
    nothing = (None, None, None, None)
    nowhere = (None, None, os.devnull, None)
    variables = {"profile": nothing, "config_file": nowhere, "credentials_file": nowhere}
    return botocore.session.Session(session_vars=variables)


@contextlib.contextmanager
def explained(path: bytes) -> Iterator[None]:
    """Raise FilesError or StoreUnavailable where a request about `path` fails."""
    try:
        yield
    except ClientError as error:
        answer = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise translate(str(answer.get("Error", {}).get("Code", "")), status, path) from error
    except (HTTPClientError, BotoConnectionError, IncompleteReadError) as error:
        text = f"The storage's server can't be reached, or does not answer: {type(error).__name__}."
        raise StoreUnavailable(f"{text} Try again later.") from error
    except BotoCoreError as error:
        raise FilesError("failed", f"{show(path)}: {type(error).__name__}.") from error


def translate(code: str, status: int, path: bytes) -> FilesError | StoreUnavailable:
    """What the user is told of a server's error."""
    if code == "NoSuchBucket":
        text = "The bucket of this storage does not exist. Ask the administrator."
        return FilesError("not_found", text)
    if code in _KEY_REFUSED:
        text = "The server does not accept the key of this storage. Ask the administrator."
        return FilesError("permission", text)
    if code == "PreconditionFailed" or status == 412:
        return changed(path)
    if reason := _CODES.get(code) or _STATUS_CODES.get(status):
        return refuse(reason, path)
    if 300 <= status < 400:
        text = f"{show(path)}: the server redirects elsewhere, which is not followed."
        return FilesError("failed", text)
    if code in _BUSY or status == 429 or status >= 500:
        return StoreUnavailable(f"The storage's server answers with {status}. Try again later.")
    return FilesError("failed", f"{show(path)}: the server answers with {code or status}.")
