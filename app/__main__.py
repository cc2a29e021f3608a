"""`python -m app` is `migrator`."""

from app.cli import main

if __name__ == "__main__":
    main()
