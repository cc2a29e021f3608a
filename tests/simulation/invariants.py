"""What must hold when an import rests, whatever happened: each function yields what is broken, in a sentence."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from imapclient.imap_utf7 import encode

from jobs.migration import State
from migrator.labels import Choices, Skip
from migrator.outcome import Mark

from .account import Mail
from .moods import WholeAccount
from .run import Run
from .server import Stored
from .standing import placement_of

_SKIPS = {Mark.SKIPPED_SPAM: "SPAM", Mark.SKIPPED_TRASH: "TRASH", Mark.SKIPPED_CHAT: "CHAT"}


def broken(run: Run) -> list[str]:
    """Return everything that does not hold."""
    checks = (
        *(nobody_needed, every_message_has_an_outcome, nothing_lost_or_doubled, filed_as_it_was),
        *(reasons_are_true, private, bounded),
    )
    return [sentence for check in checks for sentence in check(run)]


def _at_rest(run: Run) -> State | None:
    return run.record.state if run.record else None


def _ended(run: Run) -> bool:
    return _at_rest(run) in {State.DONE, State.DONE_WITH_EXCEPTIONS}


def nobody_needed(run: Run) -> Iterator[str]:
    """An import rests at its end, unless Google refuses the whole account."""
    allowed = frozenset().union(*(mood.reasons for mood in run.google.moods if isinstance(mood, WholeAccount)))
    record = run.record
    if record is None or (not _ended(run) and record.reason not in allowed):
        yield f"a person is needed: {record and (record.state.value, record.reason)}; slices: {run.ends[-6:]}"


def every_message_has_an_outcome(run: Run) -> Iterator[str]:
    """At the end no message of the account is open, or missing from the plan."""
    if not _ended(run):
        return
    for message_id, mail in run.account.mails.items():
        mark = run.mark_of(message_id)
        if mark is None or mark.is_open:
            yield f"message {mail.token} ended without an outcome: {mark}"


def nothing_lost_or_doubled(run: Run) -> Iterator[str]:
    """Each message lies in the mailbox as often as it is to, once for each of its folders, and what failed not more."""
    copies = run.server.copies()
    least, most = _wanted(run)
    for token in sorted(least.keys() | most.keys() | copies.keys() - {-1}):
        if copies[token] > most[token]:
            yield f"message {token} lies there {copies[token]} times, not {most[token]}: {_places(run, token)}"
        if _ended(run) and copies[token] < least[token]:
            yield f"message {token} is lost: {copies[token]} of {least[token]} copies, outcomes {_outcomes(run, token)}"


def _wanted(run: Run) -> tuple[Counter[int], Counter[int]]:
    """Return how many copies of each token there must be at least, and may be at most."""
    least: Counter[int] = Counter()
    most: Counter[int] = Counter()
    choices = _choices(run)
    for mail in run.account.all_mails().values():
        where = placement_of(mail, run.account, choices)
        number = 0 if isinstance(where, Skip) else len(where.folders)
        mark = run.mark_of(mail.id)
        free = mail.touched or mail.id in run.account.deleted  # it may have been copied before
        most[mail.token] += max(number, 5 if choices.policy == "copy-per-label" and free else 1 if free else number)
        excused = mail.id in run.account.deleted or (mark and mark.is_failure) or mail.token in run.server.removed
        least[mail.token] += 0 if excused else min(number, 1) if free else number
    return least, most


def filed_as_it_was(run: Run) -> Iterator[str]:
    """What was copied lies in its label's folder, with its flags and its date."""
    relabelled = any(name.startswith("label-") for name in run.scenario.moods)
    if run.names is None or relabelled or run.scenario.policy != "one-copy":
        return
    lying = {stored.token: (folder.name, stored) for folder, _, stored in run.server.lying()}
    alone = Counter(mail.token for mail in run.account.all_mails().values())
    for mail in run.account.mails.values():
        untouched = alone[mail.token] == 1 and not mail.touched and mail.token in lying
        if untouched and run.mark_of(mail.id) is Mark.COPIED:
            yield from _misfiled(run, mail, *lying[mail.token])


def _misfiled(run: Run, mail: Mail, folder: str, stored: Stored) -> Iterator[str]:
    where = placement_of(mail, run.account, _choices(run))
    if run.names is None or isinstance(where, Skip):
        return
    right = encode(run.names.name(run.names.number(where.folders[0]))).decode()
    if folder != right:
        yield f"message {mail.token} lies in {folder}, not in {right}"
    if "flags-dropped" in run.scenario.traits:
        return
    flags = frozenset(flag for flag in stored.flags if flag.startswith("\\"))
    date = datetime.fromtimestamp(mail.date // 1000, UTC).strftime("%d-%b-%Y %H:%M:%S +0000")
    if flags != frozenset(where.flags) or stored.date != date:
        yield f"message {mail.token} has {sorted(flags)} {stored.date}, not {where.flags} {date}"


def reasons_are_true(run: Run) -> Iterator[str]:
    """Whoever reads why a message failed or was skipped reads what happened to it; changes are taken up at the end."""
    for message_id, mail in run.account.all_mails().items():
        if mail.touched and not _ended(run):
            continue
        mark = run.mark_of(message_id)
        if mark is not None and not _is_true(run, mail, mark):
            reason = run.reasons.get(run.ids.index(message_id), "")
            truth = sorted(run.server.blames(mail.token))
            yield f"message {mail.token} is told to be {mark.words} ({reason}); the server's truth: {truth}"


def _is_true(run: Run, mail: Mail, mark: Mark) -> bool:
    blames = run.server.blames(mail.token)
    cursed = any(mail.id in mood.cursed for mood in run.google.moods)
    match mark:
        case Mark.FAILED_REFUSED:
            return "message" in blames
        case Mark.FAILED_FOLDER:
            return "folder" in blames
        case Mark.FAILED_GOOGLE | Mark.FAILED_DAMAGED:
            return cursed
        case Mark.FAILED_MISSING:
            return mail.token in run.server.removed
        case Mark.SKIPPED_GONE:
            return mail.id in run.account.deleted
        case Mark.SKIPPED_SPAM | Mark.SKIPPED_TRASH | Mark.SKIPPED_CHAT:
            return _SKIPS[mark] in mail.labels or mail.id in run.account.deleted
        case _:
            return True


def private(run: Run) -> Iterator[str]:
    """A second user who looks at everything he may read finds none of the account's mail."""
    seen = {folder.name for folder, _, stored in run.server.lying() if folder.foreign and stored.token >= 0}
    if seen:
        yield f"another user reads the customer's mail in {sorted(seen)}"


def bounded(run: Run) -> Iterator[str]:
    """No loop over somebody else's answers is without end; work is in proportion to the mail."""
    messages, slices = len(run.account.all_mails()), run.turns
    commands, requests = sum(run.server.commands.values()), sum(run.google.asked.values())
    if run.is_stuck:
        yield f"it never rests: {Counter(run.ends).most_common(3)}"
    each_slice = 40 + 3 * len(run.account.labels)  # a folder that cannot be made is tried in all its spellings
    if commands > 100 + 30 * messages + each_slice * slices:
        yield f"{commands} commands for {messages} messages in {slices} slices: {run.server.commands.most_common(4)}"
    if requests > 60 + 12 * messages + 15 * slices:
        yield f"{requests} requests for {messages} messages in {slices} slices: {run.google.asked.most_common(4)}"


def _choices(run: Run) -> Choices:
    return Choices(policy=run.scenario.policy, spam=run.scenario.spam, trash=run.scenario.trash)  # type: ignore[arg-type]


def _places(run: Run, token: int) -> list[str]:
    return [f"{folder.name}/{uid}" for folder, uid, stored in run.server.lying() if stored.token == token]


def _outcomes(run: Run, token: int) -> list[str]:
    return [str(run.mark_of(m.id)) for m in run.account.all_mails().values() if m.token == token]
