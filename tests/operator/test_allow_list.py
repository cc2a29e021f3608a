"""What operators are told is a closed list of fields, known to the last one."""

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError
from schemas import SNAPSHOT, current

from web.operator import models
from web.operator.models import CodeCount, Told, code_of, megabytes_of

ROOM = Path(models.__file__).parent
ABOUT_IMPORTS = ("overview", "imports", "bulkacts", "one", "permissions", "auditing", "data")


def test_no_field_of_any_answer_has_come_or_gone_unseen() -> None:
    assert current() == SNAPSHOT.read_text(), "look at what is told now; then: python tests/operator/schemas.py"


def test_what_is_no_field_is_refused_and_nothing_is_changed_later() -> None:
    with pytest.raises(ValidationError):
        CodeCount.model_validate({"code": "x", "count": 1, "sentence": "", "subject": "hello"})
    with pytest.raises(ValidationError):
        CodeCount(code="x", count=1, sentence="").count = 2  # type: ignore[misc]
    assert {model.model_config.get("extra") for model in Told.__subclasses__()} == {"forbid"}


def test_pages_about_imports_are_told_by_models_alone() -> None:
    """The one other way to a page, `shown`, takes anything; none of these modules knows it."""
    known = {name: _names_in(ROOM / f"{name}.py") for name in ABOUT_IMPORTS}
    assert {name for name, names in known.items() if "shown" in names or "HTMLResponse" in names} == set()
    assert all("told" in names for names in known.values())


def _names_in(path: Path) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("code", ["x@y.example", "Mail from Ann", "a" * 61, "ü", "login_refused", "\n"])
def test_a_code_that_is_none_of_ours_is_not_told(code: str) -> None:
    assert code_of(code) == "other"


def test_what_follows_a_codes_colon_is_not_told() -> None:
    assert code_of("internal-error:Ann_Smith") == "internal-error"


@pytest.mark.parametrize(("size", "told"), [(None, None), (0, 0), (4_999_999, 0), (9_900_000, 10), (123_456_789, 120)])
def test_bytes_are_rounded_once_more_at_the_door(size: int | None, told: int | None) -> None:
    assert megabytes_of(size) == told
