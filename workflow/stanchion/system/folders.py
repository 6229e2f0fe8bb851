"""The folders in which a project keeps what is Stanchion's own, and no result."""

STATE = ".stanchion"
JOBS = f"{STATE}/jobs"
TEMPORARY = f"{STATE}/tmp"
RUNS = f"{STATE}/runs"
STAMPS = f"{STATE}/stamps"
