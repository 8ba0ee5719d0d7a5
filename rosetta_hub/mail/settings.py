"""The options of `c.Rosetta` that are about mail."""

from email.utils import parseaddr
from pathlib import Path

from traitlets import Enum, Integer, Unicode
from traitlets.config import Configurable

from rosetta_hub.errors import ConfigError
from rosetta_hub.mail_addresses import is_address

# RFC 8314: submission, submission over TLS; a relay on the own network has the oldest port.
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MailOptions(Configurable):
    """How mails are sent; without `smtp_host` there are none, and users are not offered any."""

    smtp_host = Unicode(help="Mail server that takes mails for users. Empty: no mails.").tag(
        config=True
    )

    smtp_port = Integer(
        0,
        min=0,
        max=65535,
        help="""Port of the mail server. 0: the usual one of `smtp_security`, which is 587 with
        `starttls`, 465 with `tls` and 25 with `none`.""",
    ).tag(config=True)

    smtp_security = Enum(
        ["starttls", "tls", "none"],
        "starttls",
        help="""How the way to the mail server is encrypted: `starttls` (refused without it),
        `tls` from the first byte, or `none`. The server's certificate is verified with the
        system's authorities, or those of the file in the environment variable SSL_CERT_FILE.""",
    ).tag(config=True)

    smtp_user = Unicode(help="User name at the mail server. Empty: it is not logged in to.").tag(
        config=True
    )

    smtp_password_file = Unicode(
        help="""File with the password of `smtp_user`, read anew for each connection.""",
    ).tag(config=True)

    mail_from = Unicode(
        help="""Sender of the mails, as in `hub@example.org` or `Our hub <hub@example.org>`.
        Required with `smtp_host`.""",
    ).tag(config=True)

    mail_domain = Unicode(
        help="""Domain of users who have given no address of their own: mails for the user `alice`
        go to `alice@<mail_domain>`. Empty: a user without an address gets no mails.""",
    ).tag(config=True)

    mail_after = Integer(
        60,
        min=0,
        help="""Seconds from the start of a task, before which its start or failure is told by no
        mail: whoever has just pressed the button is still looking at the page.""",
    ).tag(config=True)

    @property
    def mail_available(self) -> bool:
        """Whether mails are sent at all."""
        return bool(self.smtp_host)

    @property
    def smtp_address(self) -> tuple[str, int]:
        """Host and port of the mail server."""
        return str(self.smtp_host), int(self.smtp_port) or _PORTS[self.smtp_security]

    @property
    def mail_sender(self) -> str:
        """The address in `mail_from`, without the name."""
        return parseaddr(str(self.mail_from))[1]

    def check_mail(self) -> None:
        """Refuse options that no mail could be sent with.

        Raises:
            ConfigError: the reason, and what to set.
        """
        if not self.mail_available:
            return
        if not is_address(self.mail_sender) or not str(self.mail_from).isprintable():
            raise ConfigError(
                f"c.Rosetta.smtp_host is set, but c.Rosetta.mail_from = {self.mail_from!r} is not"
                " a mail address such as 'hub@example.org'. Set it to the sender of the mails."
            )
        if self.mail_domain and not is_address(f"user@{self.mail_domain}"):
            raise ConfigError(
                f"c.Rosetta.mail_domain = {self.mail_domain!r} is not a domain such as"
                " 'example.org'."
            )
        if self.smtp_user:
            self._check_login()

    def _check_login(self) -> None:
        path = str(self.smtp_password_file)
        if not path or not Path(path).is_file():
            raise ConfigError(
                f"c.Rosetta.smtp_user is set, but c.Rosetta.smtp_password_file ({path!r}) is not a"
                " file. Write the password of the mail server into a file that only the service"
                " can read."
            )
        if self.smtp_security == "none" and self.smtp_host not in ("localhost", "127.0.0.1", "::1"):
            raise ConfigError(
                "c.Rosetta.smtp_security is 'none', so that c.Rosetta.smtp_user's password would"
                " cross the network in clear text. Use 'starttls' or 'tls'."
            )
