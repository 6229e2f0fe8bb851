"""Where the sources of a program lie."""

FUNCTIONS = "stan/functions"
"""Where a program's includes are looked for, after its own folder."""
COPIED_PROGRAM, BELOW = "stan-sources", "below"
"""The folder in which a step keeps its copies of a program and what it includes, and those in it
that names which climb out of a folder (`#include ../f.stan`) stay within."""
