"""`python -m stanchion` is the command line."""

from stanchion.cli.main import main

if __name__ == "__main__":
    main()
