#!/bin/sh
# Prints the path of a Python that is 3.12 or newer and can make virtual environments.
set -u

usable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

for name in python3 python3.12 python3.13 python3.14; do
    found=$(command -v "$name") && usable "$found" && echo "$found" && exit 0
done
for found in "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/*/bin/python3; do
    usable "$found" && echo "$found" && exit 0
done
found=$(uv python find --no-python-downloads '>=3.12' 2>/dev/null) && usable "$found" \
    && echo "$found" && exit 0

echo "No Python 3.12 or newer with the venv module was found: install one, for example by" \
    "'apt install python3 python3-venv', 'pyenv install 3.12' or 'uv python install 3.12'." >&2
exit 1
