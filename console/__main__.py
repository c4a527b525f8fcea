"""`python -m console` is `aa-console`."""

from console.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
