"""The page of events, the table in the program and every log call say the same."""

import ast
from collections.abc import Iterator
from pathlib import Path

from doc_pages import chapter, rows
from on_every import on_every

from app.log_lines import EVENTS, KEYS, UNNAMED

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path.relative_to(ROOT)
    for name in ("app", "jobs", "migrator", "oauth", "web")
    for path in (ROOT / name).rglob("*.py")
)
GATE = {Path("app/logs.py"), Path("app/log_lines.py")}
OTHER_WAYS = {"logging", "structlog", "traceback", "faulthandler", "warnings"}
ALLOWED = {"structlog.get_logger", "logging.getLogger", "logging.CRITICAL"}


def calls_in(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Give every call of a method of `_log`, with the method's name."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="_log"), attr=method)):
                yield method, node


def faults_of(method: str, call: ast.Call) -> Iterator[str]:
    """Give what is wrong with a log call."""
    match call.args:
        case [ast.Constant(value=str() as name)] if name in EVENTS:
            event = EVENTS[name]
        case _:
            yield "the event is no literal of the table"
            return
    if method not in event.levels.split():
        yield f"{name} is not said at level {method}"
    if wrong := [str(keyword.arg) for keyword in call.keywords if keyword.arg not in event.keys.split()]:
        yield f"{name} has no {', '.join(wrong)}"


def tree_of(path: Path) -> ast.AST:
    return ast.parse((ROOT / path).read_text("utf-8"))


@on_every(SOURCES)
def test_every_log_call_is_a_row_of_the_table(path: Path) -> None:
    told = [(call.lineno, fault) for method, call in calls_in(tree_of(path)) for fault in faults_of(method, call)]
    assert told == []


@on_every(sorted(set(SOURCES) - GATE))
def test_nothing_is_logged_by_another_way(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Attribute(value=ast.Name(id=name)) if name in OTHER_WAYS:
                assert ast.unparse(node) in ALLOWED, node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id="structlog"))):
                assert ast.unparse(node) == "structlog.get_logger()", node.lineno
            case ast.Attribute(value=ast.Call(func=ast.Attribute(value=ast.Name(id="logging"))), attr=name):
                assert name == "setLevel", node.lineno  # to pin a library to CRITICAL
            case ast.ImportFrom(module=str() as module):
                assert module.partition(".")[0] not in OTHER_WAYS, node.lineno


def test_every_logger_has_the_name_the_calls_are_found_by() -> None:
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            match node:
                case ast.Assign(targets=targets, value=ast.Call(func=ast.Attribute(value=ast.Name(id="structlog")))):
                    assert [ast.unparse(target) for target in targets] == ["_log"], path


def test_every_process_of_secrets_begins_closed() -> None:
    """Whichever command starts the process that others are forked from: the first to name modules for it decides."""
    named = []
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="nursery"), attr="preload"), args=[ast.Tuple(elts)]):
                    named.append((str(path), ast.unparse(elts[0])))
                case ast.keyword(arg="preload", value=ast.Tuple(elts=elts)):
                    named.append((str(path), ast.unparse(elts[0])))
    assert {path for path, _ in named} >= {"app/work.py", "app/importing.py", "app/server.py"}
    assert [one for one in named if one[1] not in {"CHILD_LOGS", "run.__module__"}] == []


def test_every_event_of_the_table_is_told_somewhere() -> None:
    told = {ast.unparse(call.args[0]) for path in SOURCES for _, call in calls_in(tree_of(path)) if call.args}
    assert {name for name in EVENTS if repr(name) not in told} == {UNNAMED, "lines-lost"}


def test_the_page_of_logs_is_the_table() -> None:
    listed = [row[:3] for row in rows(chapter("docs/logs.md", "Events"))]
    assert listed == [[f"`{event.name}`", event.levels, event.keys or "-"] for event in EVENTS.values()]


def test_the_page_of_logs_explains_every_key() -> None:
    listed = {word.strip("`") for row in rows(chapter("docs/logs.md", "Keys")) for word in row[0].split(", ")}
    assert listed == KEYS
