"""Real IMAP servers for tests: private instances on free loopback ports, gone when the test process is."""
