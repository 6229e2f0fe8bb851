"""What the machine has against a run is a sentence; what is our own fault is not dressed up."""

from __future__ import annotations

import errno
import os
import pickle
import signal

import pytest

from stanchion.errors import StoppedError, machine_fault


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "results/x: no space left on the device"),
        (errno.EDQUOT, "results/x: no space left on the device"),
        (errno.EROFS, "results/x: read-only file system"),
        (errno.EISDIR, "results/x: is a directory"),
        (errno.EACCES, "results/x: permission denied"),
        (errno.ENAMETOOLONG, "results/x: file name too long"),
    ],
)
def test_a_fault_of_the_machine_names_place_and_remedy(number: int, message: str) -> None:
    """Disks, rights and names: what, where, and what to do."""
    fault = machine_fault(OSError(number, os.strerror(number), "results/x"))
    assert fault is not None and fault.todo
    assert str(fault).startswith(message)


def test_hdf5_quotes_the_number_of_a_full_disk() -> None:
    """h5py's error has no number of its own; its text has HDF5's."""
    text = "Can't write data (file write failed: errno = 28, error message = 'No space left')"
    fault = machine_fault(OSError(text))
    assert fault is not None and fault.what == "no space left on the device"


@pytest.mark.parametrize(
    "error", [ValueError("no"), OSError(errno.ENOENT, "no", "x"), OSError("x")]
)
def test_other_errors_are_no_fault_of_the_machine(error: Exception) -> None:
    """A file that ought to be there, and anything else, stays an internal error."""
    assert machine_fault(error) is None


def test_a_stop_has_the_signals_exit_code() -> None:
    """128 and the signal's number, also from another process."""
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        error = pickle.loads(pickle.dumps(StoppedError(number)))
        assert error.exit_code == code and number.name in str(error)
