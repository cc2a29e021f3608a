"""Real IMAP servers as private instances on the loopback: Dovecot, Cyrus, Courier, GNU imap4d, pymap."""
