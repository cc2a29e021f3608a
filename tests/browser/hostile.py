"""Two hundred label names that nobody's own should ever be: scripts, breakouts, bidi, invisibles, giants, twins."""

from itertools import cycle, islice, product

LONGEST = 225
"""Characters of a label's name, at Gmail."""

_RUNS = (
    "<script>{}</script>",
    "<SCRIPT/x>{}</SCRIPT>",
    "<img src=x onerror={}>",
    "<svg onload={}>",
    "<svg><script>{}</script></svg>",
    "<iframe srcdoc='<script>parent.{}</script>'>",
    "<body onload={}>",
    "<details open ontoggle={}>",
    "<input autofocus onfocus={}>",
    "<a href=javascript:{}>x</a>",
    "<math><mi//xlink:href='data:x,<script>{}</script>'>",
    "<form action=javascript:{}><button>go</button></form>",
    "<base href=//evil.invalid/><script src=x.js></script>{}",
    "<meta http-equiv=refresh content=0;url=javascript:{}>",
    "<style>@import '//evil.invalid/{}'</style>",
    "<link rel=stylesheet href=//evil.invalid/{}>",
    "javascript:{}",
    "&lt;script&gt;{}&lt;/script&gt;",
    "&#60;script&#62;{}&#60;/script&#62;",
    "\uff1cscript\uff1e{}\uff1c/script\uff1e",
)
_BREAKOUTS = (
    "{}",
    '">{}',
    "'>{}",
    "' {} x='",
    "</title></textarea></style></script>{}",
    "--><!--{}-->",
    "]]>{}",
    "{{{{ {} }}}}",
)
_ODD = (
    "\u202egnp.exe\u202c",
    "\u202d\u202e\u2066\u2067\u2068 never closed",
    "\u2066isolated\u2069",
    "\u200b\u200c\u200d\u2060\ufeff",
    "\u00ad",
    "\u200fright\u200eleft",
    "\u05e9\u05dc\u05d5\u05dd 42 \u0645\u0631\u062d\u0628\u0627",
    "x" * LONGEST,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 20,
    "Z\u0351\u036b\u0343\u034f\u0489" * 30,
    "bell\x07 escape\x1b[31m nul\x00 line\nfeed\r",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "%(num)s %s {host} {0} ${x} #{y}",
    "/".join("abcdefgh"),
    "a" + "/" * 40 + "b",
    "../../etc/passwd",
    "INBOX",
    "inbox",
    "\uff29\uff2e\uff22\uff2f\uff38",
    "[Gmail]/All Mail",
    "  blanks  ",
    "\u3000",
    "\ud7ff\ue000\ufffd\uffff",
    "' OR 1=1 --",
    "hx-get=/signout hx-trigger=load",
    "<div hx-post=/signout hx-trigger=load>",
    '"><b hx-on:click=ran()>',
    "data-hx-get",
    "constructor",
    "__proto__",
)
_CALLS = ("alert(1)", "window.ran=1", "`${alert(1)}`")


def hostile_names(count: int = 200) -> tuple[str, ...]:
    """Return so many different names, each at most as long as Gmail allows."""
    made = (way.format(run.format(call)) for way, run, call in product(_BREAKOUTS, _RUNS, _CALLS))
    mixed = (name for pair in zip(made, cycle((*_ODD, "")), strict=False) for name in pair)
    names = dict.fromkeys((*_ODD, *(name[:LONGEST] for name in mixed if name)))
    return tuple(islice(names, count))
