"""Speed: the same messages moved by the product, by a naive loop, by its peers, and by the floors, in one run."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import contender, ours, peers
from bench.delay import line
from bench.figures import RUN_HEAD, Goal, Run, judge, run_row, show
from bench.google import Google, google
from bench.mail import Post, write_post
from bench.parts import Server, User, mailbox_server, workplace
from bench.peers import IMAPSYNC, INTERIMAP, MBSYNC, Account, Peer

IMAPSYNC_ELSEWHERE = 2.63
"""CPU seconds of imapsync 2.229 for 1,000 messages on another machine: compared with where it can't run here."""

FLOORS = 2.0
NAIVE = 5.0
_OURS, _NAIVE = "this product", "naive get + append"
_FETCH, _APPEND = "floor: fetch alone", "floor: MULTIAPPEND alone"


@dataclass(frozen=True, slots=True)
class Course:
    """What is moved over which lines: `naive` messages by the naive loop, round trips in milliseconds.

    `floors` says whether the floors are measured too.
    """

    title: str
    messages: int
    mean: int
    naive: int
    peers: tuple[Peer, ...]
    to_gmail: float = 0
    to_mailbox: float = 0
    floors: bool = True


def speed(messages: int, mean: int, late_messages: int) -> bool:
    """Run and print all courses; True when every goal is met.

    Args:
        messages: how many on the loopback.
        mean: mean size in bytes of the messages that goals are set for.
        late_messages: how many over lines with a round-trip time.
    """
    kilobytes = f"{mean / 1000:.0f} KB on average"
    near = Course(f"Loopback, {kilobytes}", messages, mean, messages, (MBSYNC, INTERIMAP, IMAPSYNC))
    small = Course("Loopback, 2 KB on average (information)", messages, 2000, messages, (MBSYNC, INTERIMAP))
    late = Course(
        f"100 ms to Gmail (and to the peers' source), 20 ms to the mailbox, {kilobytes}",
        late_messages,
        mean,
        min(late_messages, 200),
        (MBSYNC, INTERIMAP),
        to_gmail=100,
        to_mailbox=20,
        floors=False,
    )
    on_near, _, on_late = (_printed(course) for course in (near, small, late))
    return judge(
        [
            *_cpu_goals(on_near),
            Goal(
                "speed, with latencies / naive loop", on_late[_OURS].rate / on_late[_NAIVE].rate, "at least", NAIVE, "x"
            ),
        ]
    )


def _cpu_goals(runs: dict[str, Run]) -> list[Goal]:
    ours = runs[_OURS].cpu_per_1000
    floor = runs[_FETCH].cpu_per_1000 + runs[_APPEND].cpu_per_1000
    beside = runs.get(IMAPSYNC.name)
    limit, where = (beside.cpu_per_1000, "in this run") if beside else (IMAPSYNC_ELSEWHERE, "on another machine")
    return [
        Goal("CPU of the whole worker / (fetch + MULTIAPPEND)", ours / floor, "at most", FLOORS, "x"),
        Goal(f"CPU per 1,000 messages: imapsync's {where}", ours, "at most", limit, "s"),
    ]


@dataclass(frozen=True, slots=True)
class Scene:
    """A course laid out: the messages, where they are, and the ports (with their delays) by which each is reached."""

    course: Course
    folder: Path
    post: Post
    gmail: Google
    source: Server
    source_port: int
    target: Server
    target_port: int


def _printed(course: Course) -> dict[str, Run]:
    with _scene(course) as scene:
        runs = list(_runs(scene))
    rows = [run_row(run) for run in runs]
    rows += [(peer.name, "-", "-", "-", "-", peer.install) for peer in course.peers if not peer.is_installed]
    show(f"{course.title}: {course.messages:,} messages, mean {scene.post.mean / 1000:.1f} KB", RUN_HEAD, rows)
    return {run.name: run for run in runs}


@contextmanager
def _scene(course: Course) -> Iterator[Scene]:
    with ExitStack() as stack:
        folder = stack.enter_context(workplace())
        post = write_post(folder, course.messages, course.mean)
        gmail = stack.enter_context(google("--seed-dir", str(folder), "--layout", str(post.layout)))
        gmail.late(course.to_gmail)
        source, target = (stack.enter_context(mailbox_server()) for _ in range(2))
        far = stack.enter_context(line(source.port, course.to_gmail))
        near = stack.enter_context(line(target.port, course.to_mailbox))
        yield Scene(course, folder, post, gmail, source, far, target, near)


def _runs(scene: Scene) -> Iterator[Run]:
    floors = scene.course.floors
    before = [_fetch(scene)] if floors else []
    user = scene.target.new_user()
    run = ours.run(_OURS, scene.folder / "ours", scene.gmail, scene.target_port, user)
    yield _whole(run, scene.target, user)
    yield from [_joined([*before, _fetch(scene)])] if floors else []
    full = scene.source.new_user()
    appended = _append(scene, full)  # fills the peers' source, too
    yield from [appended] if floors else []
    yield _naive(scene)
    for peer in filter(lambda one: one.is_installed, scene.course.peers):
        user = scene.target.new_user()
        accounts = Account(scene.source_port, full), Account(scene.target_port, user)
        run = peers.copy(peer, scene.folder, *accounts, len(scene.post.letters))
        yield _whole(run, scene.target, user)


def _joined(runs: Sequence[Run]) -> Run:
    """Return several runs as one: taken before and after another, on a machine whose pace others change."""
    return Run(
        runs[0].name,
        sum(run.messages for run in runs),
        sum(run.seconds for run in runs),
        sum(run.cpu for run in runs),
        max(run.peak for run in runs),
        "half before, half after this product",
    )


def _whole(run: Run, server: Server, user: User) -> Run:
    """Return the run when as many messages are in the mailbox as it tells of.

    Raises:
        RuntimeError: they are not.
    """
    found = peers.count(server, user)
    if found != run.messages:
        raise RuntimeError(f"{run.name} brought {found} messages of {run.messages}")
    return run


def _naive(scene: Scene) -> Run:
    user = scene.target.new_user()
    ids = [letter.id for letter in scene.post.letters[: scene.course.naive]]
    gmail = {"url": scene.gmail.url, "token": scene.gmail.grant()["access_token"], "ids": ids}
    run = contender.run(_NAIVE, "naive", gmail | _mailbox(scene.target_port, user))
    return _whole(run, scene.target, user)


def _fetch(scene: Scene) -> Run:
    ids = [letter.id for letter in scene.post.letters]
    return contender.run(
        _FETCH, "fetch", {"url": scene.gmail.url, "token": scene.gmail.grant()["access_token"], "ids": ids}
    )


def _append(scene: Scene, user: User) -> Run:
    mail = [(letter.folder, str(letter.path)) for letter in scene.post.letters]
    run = contender.run(_APPEND, "multiappend", {"mail": mail, **_mailbox(scene.source.port, user)})
    return _whole(run, scene.source, user)


def _mailbox(port: int, user: User) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": port, "user": user.name, "password": user.password}
