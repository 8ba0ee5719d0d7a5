"""Models of the operations with the tag `account`.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class AddressCode:
    """The code of the link in a mail."""

    code: str


@dataclass(frozen=True)
class DateChoices:
    """A user's time zone (`Europe/Berlin`) and language of dates (`de`); None: the browser's."""

    time_zone: Optional[str] = None
    language: Optional[str] = None


@dataclass(frozen=True)
class DatesView:
    """A user's time zone (`Europe/Berlin`) and language of dates (`de`); null: the browser's."""

    revision: str
    time_zone: Optional[str]
    language: Optional[str]


@dataclass(frozen=True)
class Deletion:
    """The user's own name, typed in."""

    name: str


@dataclass(frozen=True)
class GroupView:
    """A group, and the names of what is limited to it and others.

    `any_protocol` says that its members may add software with interfaces of any protocol.
    """

    name: str
    software: list[str]
    computing: list[str]
    storages: list[str]
    any_protocol: bool


@dataclass(frozen=True)
class GroupList:
    """The user's groups."""

    groups: list[GroupView]


IdentityState = str


@dataclass(frozen=True)
class IdentityView:
    """An identity as its user sees it; `paste` is the line for `~/.ssh/authorized_keys`.

    `fixed` says that the account is not the user's choice: the hub signs a certificate for it.
    """

    computing: str
    name: str
    host: str
    remote_user: Optional[str]
    fixed: bool
    public_key: Optional[str]
    paste: Optional[str]
    state: IdentityState
    message: str


@dataclass(frozen=True)
class IdentityList:
    """The user's accounts and keys, one for each resource that needs them."""

    identities: list[IdentityView]


@dataclass(frozen=True)
class ImportedKey:
    """A private key in OpenSSH's format, and its passphrase, which is used once."""

    private_key: str
    passphrase: Optional[str] = None


@dataclass(frozen=True)
class LoginBegun:
    """A login: `code` is for the page at `page_url`, `secret` for the program alone.

    The program asks every `interval` seconds whether the user has agreed, until `expires_in`.
    """

    secret: str
    code: str
    page_url: str
    interval: int
    expires_in: int


@dataclass(frozen=True)
class LoginView:
    """A login of the user; `removed` says since when it does not lead here any more."""

    id: int
    method: str
    title: str
    name: Optional[str]
    email: Optional[str]
    linked_at: str
    last_used: str
    removed: Optional[str]


@dataclass(frozen=True)
class LoginList:
    """The logins of the user, those that were removed, and merged users.

    `add_url` is the page of the hub where a login is added.
    """

    logins: list[LoginView]
    merged: list[str]
    add_url: str


@dataclass(frozen=True)
class LoginProof:
    """What the program got, as `secret` or at its loopback address, and its verifier."""

    secret: str
    verifier: str


@dataclass(frozen=True)
class LoginResult:
    """The token, which nothing shows again, and whose it is."""

    user: str
    token: str
    expires_at: Optional[str]


TokenRight = str


@dataclass(frozen=True)
class MadeToken:
    """A token that has just been made: `token` is shown this once."""

    id: str
    note: str
    rights: list[TokenRight]
    scopes: list[str]
    all_rights: bool
    current: bool
    created: Optional[str]
    last_activity: Optional[str]
    expires_at: Optional[str]
    token: str


@dataclass(frozen=True)
class MailChoice:
    """Which mails are sent, and where; what is left out stays as it is. No address: no mails.

    A new address counts once its owner has used the link that is sent there.
    """

    address: Optional[str] = None
    started: Optional[bool] = None
    failed: Optional[bool] = None
    limit: Optional[bool] = None
    shared: Optional[bool] = None


@dataclass(frozen=True)
class MailView:
    """Which mails the user gets.

    `available` tells whether the service sends any, `problem` why the last one was not delivered;
    `pending` is an address that waits for its owner.
    """

    revision: str
    address: Optional[str]
    started: bool
    failed: bool
    limit: bool
    shared: bool
    available: bool
    problem: Optional[str]
    pending: Optional[str]


@dataclass(frozen=True)
class MailedTo:
    """Where a mail goes to."""

    address: str


@dataclass(frozen=True)
class NewLogin:
    """A login to begin: the machine of the program, and its challenge (PKCE with S256)."""

    client: str
    challenge: str


@dataclass(frozen=True)
class NewPassword:
    """Another password, and the present one as proof."""

    current: str
    new: str


@dataclass(frozen=True)
class NewToken:
    """A token to be made: what it is for, what it may do, and for how many seconds."""

    note: str
    rights: list[TokenRight]
    seconds: int


@dataclass(frozen=True)
class OwnPasswordView:
    """The user's password.

    `login` and `changed` are null where there is none yet; `address` is where the link would be
    mailed that sets the first one.
    """

    login: Optional[str]
    changed: Optional[str]
    address: Optional[str]


@dataclass(frozen=True)
class RemoteUser:
    """The user's account on a computing resource."""

    remote_user: str


@dataclass(frozen=True)
class SessionView:
    """A browser in which the user is logged in, as far as it has been at the service.

    `services` are those of the hub that have a token of this login.
    """

    id: str
    browser: str
    address: str
    first_seen: Optional[str]
    last_seen: Optional[str]
    current: bool
    services: list[str]


@dataclass(frozen=True)
class SessionList:
    """Where the user is logged in, the last used first."""

    sessions: list[SessionView]


@dataclass(frozen=True)
class TokenView:
    """A token as its user sees it.

    `rights` are what it may do of what this page knows, `scopes` what else it has at the hub;
    `all_rights` says that it may do everything that its user may.
    """

    id: str
    note: str
    rights: list[TokenRight]
    scopes: list[str]
    all_rights: bool
    current: bool
    created: Optional[str]
    last_activity: Optional[str]
    expires_at: Optional[str]


@dataclass(frozen=True)
class TokenList:
    """The user's tokens."""

    tokens: list[TokenView]


@dataclass(frozen=True)
class UserView:
    """Whom a token is of; `scopes` are those of the hub that it has."""

    name: str
    admin: bool
    groups: list[str]
    scopes: list[str]
