"""What the product does not stand yet: names of traits, moods and blows that a seed is not given, with the reason.

A row is deleted when the fault is mended; the seeds that drew it then get it, all others stay as they are. `--wild`
gives them all the same.
"""

KNOWN: dict[str, str] = {
    "uidvalidity-anew": (
        "Alone it is stood. Where no UID outlives a SELECT, the list made before the copying recognises nothing in "
        "other folders, and without UIDPLUS nobody can say what became of an APPEND."
    ),
}
