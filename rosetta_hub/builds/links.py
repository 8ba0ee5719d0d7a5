"""Links to repositories, spelt and quoted as BinderHub does: `v2/<provider>/<spec>?urlpath=…`.

The spec of each kind of provider (https://binderhub.readthedocs.io/en/latest/api.html):

    github      USER/REPOSITORY/REF             the ref may contain slashes
    gitlab      QUOTED-NAMESPACE/REF            group%2Fsubgroup%2Fproject/main
    git         QUOTED-ADDRESS/REF              https%3A%2F%2Fgit.example.org%2Frepository/main
    gist        USER/ID[/REF]
    zenodo, figshare, dataverse                 a DOI
    hydroshare                                  a resource id, a DOI, or the resource's address
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote, urlencode, urlsplit

from rosetta_hub.builds.errors import LinkRefused

Kind = Literal["github", "gitlab", "git", "gist", "zenodo", "figshare", "dataverse", "hydroshare"]

# The prefixes that BinderHub has. A site may add prefixes of its own.
DEFAULT_KINDS: Mapping[str, Kind] = {
    "gh": "github",
    "gl": "gitlab",
    "git": "git",
    "gist": "gist",
    "zenodo": "zenodo",
    "figshare": "figshare",
    "dataverse": "dataverse",
    "hydroshare": "hydroshare",
}
# Their records have versions of their own, and no branches.
DOI_KINDS = frozenset({"zenodo", "figshare", "dataverse", "hydroshare"})

HEAD = "HEAD"
# Characters.
LONGEST_REPOSITORY = 500
LONGEST_REF = 250
LONGEST_PATH = 2000

_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.][A-Za-z0-9_.-]*", re.ASCII)
_DOI = re.compile(r"10\.\d{4,9}/[A-Za-z0-9._;()/:<>-]+", re.ASCII)
_HYDROSHARE_ID = re.compile(r"[0-9a-f]{32}")
_GIST_ID = re.compile(r"[0-9a-f]{1,64}", re.ASCII)
# git-check-ref-format(1), and nothing that a command line could take for an option.
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|^[-/.]|\.\.|//|@\{|[/.]$|\.lock(/|$)|/\.")
_PRINTABLE = re.compile(r"[!-~]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True)
class RepositoryLink:
    """What a link names: a repository, one of its versions, and how to start what is built.

    `repository` is unquoted: `org/repo`, an address, `user/gist-id` or a DOI. `urlpath` is the path
    that is opened, relative to the task's address; `filepath` and `labpath` are turned into it, so
    two spellings of one link are equal. `ref` is empty where records have no branches.
    """

    provider: str
    kind: Kind
    repository: str
    ref: str = HEAD
    urlpath: str = ""
    computing: str = ""
    size: str = ""
    port: int | None = None

    @property
    def spec(self) -> str:
        """The part behind the provider's prefix, quoted as BinderHub quotes it."""
        if self.kind in DOI_KINDS:
            return quote(self.repository, safe="/:;()")
        repository = quote(self.repository, safe="" if self.kind in ("gitlab", "git") else "/")
        return f"{repository}/{quote(self.ref, safe='/')}"

    @property
    def address(self) -> str:
        """The link below the service's prefix."""
        values = {
            "urlpath": self.urlpath,
            "computing": self.computing,
            "size": self.size,
            "port": str(self.port or ""),
        }
        query = urlencode(
            {key: value for key, value in values.items() if value}, quote_via=quote, safe="/"
        )
        return f"v2/{self.provider}/{self.spec}" + (f"?{query}" if query else "")


def parse_link(
    provider: str,
    spec: str,
    query: Mapping[str, str] | None = None,
    kinds: Mapping[str, Kind] = DEFAULT_KINDS,
) -> RepositoryLink:
    """Read a link: `spec` as it stands in the URL's path (quoted), `query` decoded.

    `kinds` has the prefixes of the site's providers. Parameters of other names are ignored, as
    BinderHub does.

    Raises:
        LinkRefused: what is wrong with it, and how it is written.
    """
    kind = kinds.get(provider)
    if kind is None:
        providers = ", ".join(sorted(kinds))
        raise LinkRefused(f"There is no provider {_shown(provider)}. Use one of: {providers}.")
    repository, ref = _READERS[kind](spec)
    if len(repository) > LONGEST_REPOSITORY:
        raise LinkRefused(f"The repository's name has more than {LONGEST_REPOSITORY} characters.")
    if ref:
        check_ref(ref)
    query = query or {}
    return RepositoryLink(
        provider,
        kind,
        repository,
        ref,
        urlpath=_read_path(query),
        computing=_read_name("computing", query),
        size=_read_name("size", query),
        port=_read_port(query.get("port", "")),
    )


def check_ref(ref: str) -> None:
    """Refuse what can't be the name of a branch, a tag or a commit.

    Raises:
        LinkRefused: it is none.
    """
    if not ref or len(ref) > LONGEST_REF or _NO_REF.search(ref):
        raise LinkRefused(f"{_shown(ref)} can't be the name of a branch, a tag or a commit.")


# --- the spec, by kind ---------------------------------------------------------------------------


def _read_github(spec: str) -> tuple[str, str]:
    parts = spec.split("/", 2)
    if len(parts) < 3 or not parts[2]:
        text = f"Write USER/REPOSITORY/REF instead of {_shown(unquote(spec))}."
        if len(parts) > 1 and parts[1]:
            text += f" For the default branch: {_shown(unquote(spec).rstrip('/') + '/HEAD')}."
        raise LinkRefused(text)
    user, repository, ref = (unquote(part) for part in parts)
    return f"{_check_name(user)}/{_check_name(repository.removesuffix('.git'))}", ref


def _read_gitlab(spec: str) -> tuple[str, str]:
    quoted, _, ref = spec.partition("/")
    names = unquote(quoted).strip("/").removesuffix(".git").split("/")
    if len(names) < 2 or not ref:
        raise LinkRefused(
            f"Write NAMESPACE%2FPROJECT/REF instead of {_shown(spec)}: the slashes within the"
            " project's path are written as %2F."
        )
    return "/".join(_check_name(name) for name in names), unquote(ref)


def _read_git(spec: str) -> tuple[str, str]:
    quoted, _, ref = spec.partition("/")
    address = unquote(quoted)
    if "://" not in address or not ref:
        raise LinkRefused(
            "Write the repository's address with every character quoted, and the ref behind it, as"
            " in https%3A%2F%2Fgit.example.org%2Frepository/HEAD. Only https addresses are used."
        )
    if not _is_address(address):
        # It is not shown: there may be a password in it.
        raise LinkRefused(
            "This is not an address of a repository. Use one that begins with https://, without"
            " user name and password."
        )
    return address, unquote(ref)


def _read_gist(spec: str) -> tuple[str, str]:
    user, _, rest = spec.partition("/")
    gist, _, ref = rest.partition("/")
    gist = unquote(gist).removesuffix(".git")
    if not _GIST_ID.fullmatch(gist):
        raise LinkRefused(f"Write USER/ID or USER/ID/COMMIT instead of {_shown(unquote(spec))}.")
    return f"{_check_name(unquote(user))}/{gist}", unquote(ref) or HEAD


def _read_doi(spec: str) -> tuple[str, str]:
    doi = _plain_doi(unquote(spec))
    if not _DOI.fullmatch(doi):
        raise LinkRefused(f"{_shown(doi)} is not a DOI. Write it as in 10.5281/zenodo.3242074.")
    return doi, ""


def _read_hydroshare(spec: str) -> tuple[str, str]:
    if match := _HYDROSHARE_ID.search(unquote(spec)):
        return match[0], ""
    raise LinkRefused(
        f"{_shown(unquote(spec))} is not a resource of HydroShare. Write its id of 32 digits and"
        " letters, or its DOI."
    )


_READERS: Mapping[Kind, Callable[[str], tuple[str, str]]] = {
    "github": _read_github,
    "gitlab": _read_gitlab,
    "git": _read_git,
    "gist": _read_gist,
    "zenodo": _read_doi,
    "figshare": _read_doi,
    "dataverse": _read_doi,
    "hydroshare": _read_hydroshare,
}


def _plain_doi(text: str) -> str:
    """The DOI of `doi:10.…` or `https://doi.org/10.…`."""
    return re.sub(r"^(doi:|https?://(dx\.)?doi\.org/)", "", text.strip(), flags=re.IGNORECASE)


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        is_host = bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        return False
    return is_host and bool(_PRINTABLE.fullmatch(address)) and not parts.query + parts.fragment


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise LinkRefused(
            f"{_shown(name)} can't be part of a repository's name: letters, digits and . _ - are"
            " allowed."
        )
    return name


# --- the query -----------------------------------------------------------------------------------


def _read_path(query: Mapping[str, str]) -> str:
    """What is opened; `labpath` and `filepath` lead to the pages that BinderHub opens for them."""
    if path := query.get("urlpath", ""):
        result = path.lstrip("/")
    elif path := query.get("labpath", ""):
        result = f"doc/tree/{quote(path.strip('/'))}"
    elif path := query.get("filepath", ""):
        result = f"tree/{quote(path.strip('/'))}"
    else:
        return ""
    if len(result) > LONGEST_PATH or _CONTROL.search(result):
        raise LinkRefused("The path to open is too long, or has characters that paths don't have.")
    return result


def _read_name(key: str, query: Mapping[str, str]) -> str:
    value = query.get(key, "")
    if value and not _ID.fullmatch(value):
        raise LinkRefused(f"{_shown(value)} can't be a value of {key}= in a link.")
    return value


def _read_port(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 1 << 16:
        raise LinkRefused(f"{_shown(text)} is not a port. Use a number from 1 to 65535.")
    return int(text)


def _shown(text: str) -> str:
    """A text of a link within a message: bounded, and in quotation marks."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
