"""``python -m ikebana`` is ``ikebana``."""

from ikebana.cli.app import main

if __name__ == "__main__":
    main()
