"""Large messages: five of 50 MB by two fetchers; a slice's process must stay small."""

from bench.figures import Goal, judge, show
from bench.google import google
from bench.installation import begin, finish, installation, warm_up
from bench.mail import write_equal
from bench.parts import mailbox_server, workplace
from bench.processes import watching

_FETCHERS = 2
_LIMIT, _WISH = 400.0, 256.0  # MiB
_SLICE_DEPTH = 2  # worker > forkserver > slice
_LONGEST = 600


def large(messages: int, megabytes: int) -> bool:
    """Copy messages of this many MB each, print what the slices' processes took; True when the goal is met."""
    with workplace() as folder:
        post = write_equal(folder, messages, megabytes * 1_000_000)
        with (
            google("--seed-dir", str(folder), "--layout", str(post.layout)) as gmail,
            mailbox_server() as server,
            installation(
                folder / "ours", gmail, "127.0.0.1", server.port, {"google": {"fetchers": _FETCHERS}}
            ) as installed,
        ):
            user = server.new_user()
            warm_up(installed, user)
            with watching(installed.worker) as watch:
                finish(installed, begin(installed, gmail, user), _LONGEST)
    peaks = [life.peak for life in watch.lives.values() if life.depth == _SLICE_DEPTH]
    rows = [(f"slice {number}", f"{peak:.0f} MiB", "") for number, peak in enumerate(peaks, 1)]
    show(f"{messages} messages of {megabytes} MB, {_FETCHERS} fetchers", ("process", "peak", ""), rows)
    print(f"\nto wish for: {_WISH:.0f} MiB: {'reached' if max(peaks) <= _WISH else 'not reached'}")
    return judge([Goal("peak memory of a slice", max(peaks), "at most", _LIMIT, "MiB")])
