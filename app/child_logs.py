"""Imported first by the process that others are forked from: none of those can print a word of its own.

In them tokens, passwords and mail are open. How one ended, its parent is told; only what nobody expected is said by the
process itself. Never import this in a parent: importing it is what closes the process.
"""

from app.logs import configure_logs

configure_logs("critical")
