"""Real IMAP servers as private instances on the loopback: Dovecot, Cyrus, pymap; for the demo, tests and benchmarks."""
