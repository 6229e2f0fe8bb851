#!/bin/sh
# Makes .venv in the project's folder, with the packages of a lock file and Stanchion itself:
#   sh workflow/install.sh workflow/requirements.lock
# or another environment, with the packages alone:
#   sh workflow/install.sh scripts/gallery/engines.lock .venv-engines
# Does nothing where it holds them already. Safe to start twice at once.
set -eu

lock=$1
venv=${2:-.venv}
log=.stanchion/install.log
mkdir -p .stanchion

logged() {
    "$@" >>"$log" 2>&1 && return
    reason=$(grep '^ERROR' "$log" | tail -n 1)
    echo "Installing the packages failed (${reason:-no reason given}): see $log." >&2
    exit 1
}

if command -v flock >/dev/null 2>&1; then
    exec 9>.stanchion/install.lock
    flock 9
fi

# A virtual environment does not survive being moved: its folder is part of what is wanted.
folder=$(pwd)
wanted=$({ echo "$folder"; cat "$lock" pyproject.toml; } | cksum)
stamp=$venv/$(basename "$lock").installed
whole() { [ "$(cat "$venv/folder" 2>/dev/null)" = "$folder" ] && "$venv/bin/python" -c '' 2>/dev/null; }
whole && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

: >"$log"
if ! whole; then
    python=$(sh workflow/find_python.sh)
    echo "Making $venv with $("$python" --version)" >&2
    logged "$python" -m venv --clear "$venv"
    echo "$folder" >"$venv/folder"
fi
echo "Installing the $(grep -c '==' "$lock") packages of $lock: some minutes, once" >&2
logged "$venv/bin/python" -m pip install --disable-pip-version-check --no-input \
    --require-hashes -r "$lock"
if [ "$venv" = .venv ]; then
    logged .venv/bin/python -m pip install --disable-pip-version-check --no-input \
        --no-deps --no-build-isolation --editable .
    logged .venv/bin/python -m compileall -q workflow/stanchion
fi
echo "$wanted" >"$stamp"
