"""Runs git against hosts of strangers: permitted addresses, no prompts, no hooks, limits."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from rosetta_hub.addresses import AddressGuard
from rosetta_hub.builds.confined import (
    ConfinedOverflow,
    ConfinedTimeout,
    Confinement,
    Finished,
    find_account,
    run_confined,
)
from rosetta_hub.builds.errors import (
    CheckoutRefused,
    CommitAbsent,
    SourceRefused,
    SourceUnavailable,
)
from rosetta_hub.builds.providers import check_url, port_of
from rosetta_hub.builds.source_settings import SourceSettings
from rosetta_hub.http_requests import REDIRECTS

MOST_REDIRECTS = 5
_ABSENT = (401, 403, 404, 410)
# What git logs of the headers that it receives (`GIT_TRACE_CURL`).
_STATUS = re.compile(rb"<= Recv header: HTTP/\S+ (\d{3})")
_LOCATION = re.compile(rb"<= Recv header: location: (\S+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"<= Recv header: retry-after: (\d{1,6})\s", re.IGNORECASE)
_GIT_ANSWER = re.compile(rb"<= Recv header: content-type: application/x-git-", re.IGNORECASE)
_TRACE = re.compile(rb"^\d\d:\d\d:\d\d\.\d+ ")
_REFS_PATH = "/info/refs"

# What a repository's own files can't change.
_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.packedGitLimit=256m",
    "core.packedGitWindowSize=64m",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "credential.helper=",
    "fetch.fsckObjects=true",
    # Faults of old versions of git, which harm nobody.
    "fetch.fsck.badTimezone=ignore",
    "fetch.fsck.missingSpaceBeforeDate=ignore",
    "fetch.fsck.zeroPaddedFilemode=ignore",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "init.templateDir=",
    "maintenance.auto=false",
    "protocol.version=2",
    "safe.directory=*",
    "submodule.recurse=false",
)


@dataclass(frozen=True)
class GitAnswer:
    """What git printed, and the address that answered, after redirects."""

    url: str
    output: bytes


def build_git_command(options: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """A command line of git with our options, and further ones."""
    command = ["git"]
    for option in (*_OPTIONS, *options):
        command += ["-c", option]
    return [*command, *arguments]


def build_environment(scheme: str) -> dict[str, str]:
    """The environment of git: no configuration but ours, no prompts, one protocol."""
    return {
        "GIT_ALLOW_PROTOCOL": scheme,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_TRACE_CURL": "1",
        "GIT_TRACE_CURL_NO_DATA": "1",
        "HOME": "/nonexistent",
    }


class GitClient:
    """Talks to git hosts, as the settings allow."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._guard = AddressGuard(settings.networks)

    async def ask(
        self,
        url: str,
        arguments: Callable[[str], Sequence[str]],
        *,
        time: float,
        folder: Path = Path("/"),
        watch: Callable[[], Awaitable[None]] | None = None,
    ) -> GitAnswer:
        """Run a git command that connects to `url`; `arguments` makes it for an address.

        Redirects are followed, and checked as the address itself is.

        Raises:
            SourceRefused: there is no such repository, or it may not be used.
            SourceUnavailable: the host does not answer, or too slowly.
            CheckoutRefused: the host does not have what was asked for.
        """
        for _ in range(MOST_REDIRECTS + 1):
            url = check_url(url, self._settings)
            options = await self._connection_options(url)
            scheme = urlsplit(url).scheme
            command = build_git_command(options, arguments(url))
            finished = await self._run(command, url, scheme, time, folder, watch)
            if finished.code == 0 and not _GIT_ANSWER.search(finished.errors):
                # Read as a repository of the oldest protocol, a page is one without commits.
                raise _no_repository(url)
            if finished.code == 0:
                return GitAnswer(url, finished.output)
            target = redirect_target(finished.errors, url)
            if target is None:
                raise explain_failure(finished.errors, url)
            url = target
        raise SourceRefused("The host of the repository redirects again and again.")

    async def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        time: float,
        watch: Callable[[], Awaitable[None]] | None = None,
    ) -> bytes:
        """Run a git command that connects to nowhere; returns what it prints.

        Raises:
            CheckoutRefused: it failed.
        """
        command = build_git_command((), arguments)
        finished = await self._run(command, "", "none", time, folder, watch)
        if finished.code != 0:
            raise CheckoutRefused(f"The repository can't be read: {last_line(finished.errors)}")
        return finished.output

    async def _run(
        self,
        command: Sequence[str],
        url: str,
        scheme: str,
        time: float,
        folder: Path,
        watch: Callable[[], Awaitable[None]] | None,
    ) -> Finished:
        account = find_account(self._settings.account)
        confinement = Confinement(account, time, self._settings.clone_size)
        environment = build_environment(scheme)
        try:
            return await run_confined(
                command, confinement, folder=folder, environment=environment, watch=watch
            )
        except ConfinedTimeout as error:
            host = urlsplit(url).hostname or "git"
            raise SourceUnavailable(f"{host} takes too long to answer. Try again later.") from error
        except ConfinedOverflow as error:
            raise CheckoutRefused("The repository has too many files, branches or tags.") from error

    async def _connection_options(self, url: str) -> list[str]:
        """The addresses that git connects to: those that were checked, not what the name says."""
        host, port = urlsplit(url).hostname or "", port_of(url)
        addresses = await permitted_addresses(host, port, self._guard)
        # A literal IPv6 address is looked up nowhere.
        is_name = ":" not in host
        options = [f"http.curloptResolve={host}:{port}:{','.join(addresses)}"] if is_name else []
        if self._settings.ca_file:
            options.append(f"http.sslCAInfo={self._settings.ca_file}")
        return options


async def permitted_addresses(host: str, port: int, guard: AddressGuard) -> list[str]:
    """The addresses of a host that may be connected to, as curl writes them.

    Raises:
        SourceUnavailable: the name is not known, at least now.
        SourceRefused: the host is in a private network.
    """
    loop = asyncio.get_running_loop()
    try:
        records = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        text = f"The host {host} is not known. Check the address, or try again later."
        raise SourceUnavailable(text) from error
    addresses = [str(address[0]) for _, _, _, _, address in records]
    permitted = [address for address in addresses if guard.permits(address)]
    if not permitted:
        raise SourceRefused(
            f"The host {host} is not on the public internet. Only the administrator can allow"
            " repositories to be fetched from there."
        )
    return [f"[{address}]" if ":" in address else address for address in permitted]


def redirect_target(trace: bytes, url: str) -> str | None:
    """Where the host redirects to, as an address of a repository; None where it does not."""
    statuses, locations = _STATUS.findall(trace), _LOCATION.findall(trace)
    if not statuses or not locations or int(statuses[-1]) not in REDIRECTS:
        return None
    location = locations[-1].decode("ascii", "replace")
    target = urljoin(f"{url}{_REFS_PATH}", location).partition("?")[0]
    # Anything else is a page, such as a login.
    return target.removesuffix(_REFS_PATH) if target.endswith(_REFS_PATH) else None


def explain_failure(trace: bytes, url: str) -> SourceRefused | SourceUnavailable | CheckoutRefused:
    """Why git failed, in a message for the user."""
    host = urlsplit(url).hostname
    statuses = [int(status) for status in _STATUS.findall(trace)]
    status = statuses[-1] if statuses else 0
    if status in _ABSENT or status in REDIRECTS:
        return absent(url)
    if status == 429:
        seconds = _RETRY_AFTER.findall(trace)
        when = f"in {-(-int(seconds[-1]) // 60)} min" if seconds else "later"
        return SourceUnavailable(f"{host} limits how often it is asked. Try again {when}.")
    if status >= 500 or not status:
        return _no_answer(trace, host)
    if re.search(rb"signal 25|File too large|[Oo]ut of memory", trace):
        return CheckoutRefused("The repository is larger than what may be fetched.")
    if re.search(rb"not our ref|unadvertised object|couldn't find remote ref", trace):
        return CommitAbsent("The repository does not have this commit any more. Try again.")
    if re.search(rb"fsck error|index-pack failed", trace):
        return CheckoutRefused("The repository is damaged: git refuses what it holds.")
    if re.search(rb"not valid: is this a git repository|invalid content-type|smart HTTP", trace):
        return _no_repository(url)
    return SourceUnavailable(f"The repository can't be read from {host}: {last_line(trace)}")


def _no_repository(url: str) -> SourceRefused:
    return SourceRefused(f"{url} is a page, not a git repository. Check the address.")


def absent(url: str) -> SourceRefused:
    """The message for what is not there and for what is private: hosts tell no difference."""
    return SourceRefused(
        f"There is no public repository at {url}. Check the spelling; private repositories can't be"
        " used."
    )


def _no_answer(trace: bytes, host: str | None) -> SourceRefused | SourceUnavailable:
    if re.search(rb"certificate", last_line(trace).encode(), re.IGNORECASE):
        return SourceRefused(
            f"The certificate of {host} can't be checked. The administrator can name its authority"
            " in `ca_file`."
        )
    return SourceUnavailable(f"{host} does not answer. Try again later.")


def last_line(trace: bytes) -> str:
    """The last line that git printed, without its trace, bounded."""
    lines = [line for line in trace.splitlines() if line.strip() and not _TRACE.match(line)]
    text = lines[-1].decode("utf-8", "replace") if lines else "git has failed."
    return "".join(char for char in text if char.isprintable())[:300]
