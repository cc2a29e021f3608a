"""Host names as they compare: `Bücher.Example.` and `xn--bcher-kva.example` are one host, to the DNS and browsers."""

import idna


def host_key(name: str) -> str:
    """Return a host's name as it compares and is looked up: A-labels in lower case, without the dot of the root.

    Letters beyond ASCII are mapped as browsers do it (UTS #46, nontransitional), so that a U-label and its A-label are
    one (RFC 5890 §2.3.2.1); case never matters (RFC 4343). Nothing is refused here: a text that is no name compares as
    itself in lower case.
    """
    plain = name.strip().lower()
    try:
        mapped = idna.uts46_remap(plain, std3_rules=False)
    except idna.IDNAError:
        return plain
    return ".".join(map(_a_label, mapped.split("."))).removesuffix(".")


def _a_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"
