"""What tests ask about processes."""

from pathlib import Path


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; a zombie that its parent has not looked for yet has."""
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
