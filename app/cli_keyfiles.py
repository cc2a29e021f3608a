"""`migrator master-key add`, `migrator workers-key add`: files of keys made, and rotated."""

from pathlib import Path

import click

from app.config import Config
from oauth.keyring import add_key
from oauth.workerskeys import add_pair


@click.group("master-key")
def master_key_group() -> None:
    """Make the key that wraps every import's key, or rotate it."""


@master_key_group.command("add")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def master_key_add(config: Config, file: Path | None) -> None:
    """Put a new key at the top of FILE (default: the configured one); older ones go on opening what they wrapped.

    Restart workers and web servers after it. Remove an old line when no import is left that began before that:
    imports wrap their key anew when they next work, and end after 72 hours without progress.
    """
    path = file or config.store.master_key_path
    try:
        click.echo(f"{path}: {add_key(path)} wraps from now on")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"cannot write {path}: {getattr(error, 'strerror', 'not a text file')}") from None


@click.group("workers-key")
def workers_key_group() -> None:
    """Make the key pair that seals secrets to workers alone, or rotate it."""


@workers_key_group.command("add")
@click.argument("private", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.argument("public", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def workers_key_add(config: Config, private: Path | None, public: Path | None) -> None:
    """Put a new private key at the top of PRIVATE, and its public half into PUBLIC (default: the configured files).

    Older private keys go on opening what was sealed to them. Stop all workers and start them again after it, then give
    the web server and the console the new public key and restart them. Remove an old line when no import is left that
    began before that: an import's key is sealed anew when the import next works, and ends after 72 hours without
    progress.
    """
    private, public = private or config.store.workers_key_path, public or config.store.workers_public_key_path
    try:
        key_id = add_pair(private, public)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "not a text file")
        raise click.ClickException(f"cannot write {private} and {public}: {why}") from None
    click.echo(f"{private}, {public}: imports are sealed to {key_id} from now on")


COMMANDS = (master_key_group, workers_key_group)
