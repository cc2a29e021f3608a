"""What tests ask about processes."""

from pathlib import Path


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; a zombie that its parent has not looked for yet has."""
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that have not ended."""
    found = [int(one) for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]
    return [one for one in found if not is_gone(one)]
