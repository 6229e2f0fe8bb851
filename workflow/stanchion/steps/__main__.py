"""`python -m stanchion.steps JOBFILE` runs one step."""

from stanchion.steps.runner import main

if __name__ == "__main__":
    raise SystemExit(main())
