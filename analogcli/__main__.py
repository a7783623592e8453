"""``python -m analogcli`` is ``analog``; worker processes of a sweep are started this way."""

from analogcli.cli.app import main

if __name__ == "__main__":
    main()
