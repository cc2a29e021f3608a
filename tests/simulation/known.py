"""What the product does not stand yet: names of traits, moods and blows that a seed is not given, with the reason.

A row is deleted when the fault is mended; the seeds that drew it then get it, all others stay as they are. `--wild`
gives them all the same.
"""

KNOWN: dict[str, str] = {
    "sorted-since": "mail is recognised in the folder it belongs to alone: what was sorted since comes twice",
    "old-mail": "ids are padded to 16 digits, so mail from before November 2004 is asked for by another id: 'gone'",
    "no-uidnext": "SELECT without UIDNEXT counts as a lost connection, for ever",
    "brace-in-text": "a status text that ends in {5} is read as a literal",
    "append-odd-words": "a refusal in unfamiliar words is blamed on the message",
    "full-in-other-words": "the same for a full mailbox",
    "some-greylisted": "a message refused for a while fails at once",
    "drops-at-append": "a server that drops every APPEND for a while is blamed on the messages, one by one",
    "keywords-refused": "a refusal for keywords is recognised by its words alone",
    "no-children": "no flat spelling is tried where folders have no children",
    "name-refused": "a name that both spellings fail with is given up",
    "partly-stored": "after a NO to MULTIAPPEND everything is sent again",
    "own-header": "a copy at its own UID with another header counts as missing",
    "from-escaped": "a copy with escaped lines counts as missing",
    "size-estimated": "after a break copies are looked for by exact size",
    "size-of-body": "the same",
    "sees-at-select": "an OK whose UID cannot be found is taken for a lost connection",
    "unreadable-mail": "mail that cannot be read blocks a folder",
    "public-namespace": "a label named like a shared namespace is made inside it",
    "public-unsaid": "the same where NAMESPACE is not offered",
    "shared-archive": "a shared top-level archive is taken for the customer's",
    "html-answers": "Google's HTML pages are judged by their status alone",
    "odd-4xx": "a passing 4xx of another number fails the whole account",
    "some-401": "a few 401s with a valid grant ask the customer to connect again",
    "one-4xx": "403, 410 or 451 for one message fails the whole account",
    "rescued": "what left spam or trash since it was listed is not looked at again",
    "session-control": "`invalid_rapt` counts as Google being away",
    "damaged-answers": "a JSON body cut short, of a listing, is an internal error",
    "store-away": "a state store that is away is an internal error of the slice",
    "second-kill": "a message under way at two kills is convicted, three kills call for a person",
    "list-flags": "`\\Flagged` in LIST is taken for a special use",
    "folder-away": "a folder that cannot be opened for a while fails its messages",
    "append-unavailable": "all messages are read from Google again every minute while the mailbox takes nothing",
    "no-gmail": "an account without Gmail counts as Google being away",
}
