"""Whether this kernel holds the walls around imports: said at a worker's start, and required where it is configured."""

import click
import structlog

from jobs import walls

_log = structlog.get_logger()


def look_at_walls(*, required: bool) -> None:
    """Say in the log which walls are missing.

    Args:
        required: whether the worker must not run without them.

    Raises:
        click.ClickException: it must not; says what is missing, and what to do.
    """
    lacking = walls.missing()
    for name in lacking:
        _log.warning("kernel-walls-missing", code=name)
    if lacking and required:
        raise click.ClickException(
            f"worker.require_kernel_walls: the kernel does not offer {' and '.join(lacking)} to this process. {WAY_OUT}"
        )


WAY_OUT = (
    "Run it on Linux 5.13 or newer (x86_64 or aarch64) with Landlock switched on, and with a container's profile that "
    "lets seccomp and landlock_* through: docs/operations/walls.md."
)
