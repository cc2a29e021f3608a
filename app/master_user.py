"""The mail server's administrator as the configuration has him: one password that opens every mailbox."""

from collections.abc import Callable

import click

from app.config import Config
from migrator.mailbox import Credentials, MasterUser


def master_password(config: Config, read: Callable[[], str] | None = None) -> str:
    """Return the password of the mail server's administrator; empty without one. `read` reads the file elsewise.

    Raises:
        click.ClickException: the file cannot be read, or one of the two settings is missing.
    """
    panel = config.panel
    if not panel.master_user and not panel.master_password_file:
        return ""
    if not panel.master_user or not panel.master_password_file:
        raise click.ClickException("panel.master_user and panel.master_password_file are needed together.")
    try:
        return (read or panel.master_password_file.read_text)().strip()
    except (OSError, UnicodeDecodeError):
        raise click.ClickException(
            f"panel.master_password_file: cannot read {panel.master_password_file}: it must hold the password alone."
        ) from None


def as_of_now(config: Config, sealed: Credentials, read: Callable[[], str] | None = None) -> Credentials:
    """Return an import's credentials with the administrator of today in the place of the one that was sealed.

    He may have been given another password since the import began; then the operator's resume is all it takes. Where
    the configuration has none, the sealed one is as good as it was. The file is read only for imports that he enters.
    """
    if not isinstance(sealed, MasterUser):
        return sealed
    try:
        password = master_password(config, read)
    except click.ClickException:
        return sealed
    return MasterUser(sealed.authzid, config.panel.master_user, password) if password else sealed
