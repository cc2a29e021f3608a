"""The panel's API put together: the configured service tokens, the stores, what launches must be."""

import click

from app.api_tokens import TokensUnusable, read_tokens
from app.config import Config
from app.entrances import panel_of
from app.sentences import sentence
from app.stores import Stores
from jobs.audit import PANEL
from web.api.application import Api, make_api
from web.api.doors import ApiDoors
from web.api.tokens import ServiceToken
from web.launch import LAUNCH


def panel_api(config: Config, stores: Stores) -> Api | None:
    """Return the API, to be mounted at `web.api.application.API`; None where nobody has a token for it.

    Raises:
        click.ClickException: the file of tokens cannot be used, or the panel's settings are missing; says what to do.
    """
    tokens = _tokens(config)
    if not tokens:
        return None
    panel = panel_of(config)
    if panel is None:
        raise click.ClickException(
            "api.tokens_file is set, so panel.origins is needed too: the panel's address, where customers come from."
        )
    launch_url = config.web.url + LAUNCH
    return make_api(
        ApiDoors(
            stores.state, stores.keystores, stores.vault, tokens, panel, launch_url, actor=PANEL, sentence=sentence
        )
    )


def _tokens(config: Config) -> tuple[ServiceToken, ...]:
    path = config.api.tokens_file
    try:
        return read_tokens(path) if path else ()
    except TokensUnusable as error:
        raise click.ClickException(f"api.tokens_file: {error}. Make a token: migrator api-token add NAME") from None
