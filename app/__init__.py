"""The composition roots: command line, worker, embedded servers, demo."""
