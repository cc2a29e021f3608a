"""Pages about imports: a template is given models of what operators may be told, and nothing else."""

from starlette.responses import Response

from web.operator.doors import Console
from web.operator.models import Told
from web.operator.rights import Member
from web.operator.showing import shown


def told(
    console: Console,
    template: str,
    member: Member,
    here: str,
    page: Told,
    *,
    beside: Told | None = None,
    back: str = "",
    looking: bool = False,
) -> Response:
    """Return a page.

    Args:
        console: whose page it is.
        template: its file in `web/operator/templates`.
        member: who looks at it.
        here: the key of the part of the console it belongs to.
        page: all that it shows.
        beside: what it shows besides, this once.
        back: where a second factor that is asked for leads back to.
        looking: what it shows is being looked at anew.
    """
    return shown(console, template, member, here, page=page, beside=beside, back=back, looking=looking)
