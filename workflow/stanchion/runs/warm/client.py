"""`stanchion-step JOBFILE`: has the warm process fork a child for the step, or runs it itself.

It is started for every step, and each import is paid for every time: `socket`, `signal` and
`contextlib` would cost as much as the interpreter does; the C halves of the first two cost nothing.
Where `offer` has written a `stanchion-step` of its own, it starts without `site`, in half the time.
"""

from __future__ import annotations

import _signal
import _socket
import os
import sys

from stanchion.runs.warm import ACCEPTED, COMMAND, OFF, OFFERED, VARIABLE

_SIGNALS = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP)
_PATIENCE = 60.0
"""Seconds that the warm process may take to answer, the imports of every kind of step included."""


def entry() -> None:
    """Run as the command `stanchion-step`, which is what the rules call."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _SIGNALS)
    connection = _accepted()
    if connection is not None:
        status = _wait(connection)
        if status is not None:
            _end_as(status)
    for number in _SIGNALS:
        _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _SIGNALS)
    _run_alone()


def _run_alone() -> None:
    """Be the step; without `site` there are no libraries, so that Python is started anew."""
    if sys.flags.no_site:
        os.environ[VARIABLE] = OFF
        client = f"{__package__}.client"
        os.execv(sys.executable, [sys.executable, "-P", "-m", client, COMMAND, sys.argv[-1]])
    from stanchion.steps.runner import main

    sys.exit(main(sys.argv[-1:]))


def _accepted() -> _socket.socket | None:
    """Return a connection over which the warm process has promised to fork, or None."""
    process, _, path = os.environ.get(VARIABLE, OFF).partition(":")
    if process != str(os.getppid()):
        return None
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(_PATIENCE)
        connection.connect(path)
        if _user_of(connection) != os.geteuid():
            return None
        files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
        body = _request()
        connection.sendmsg(
            [len(body).to_bytes(4, sys.byteorder)],
            [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)],
        )
        connection.sendall(body)
        if connection.recv(1) != OFFERED:
            return None
        connection.sendall(ACCEPTED)
    except OSError:
        connection.close()
        return None
    return connection


def _request() -> bytes:
    """Return job file, folder, umask and environment, each ended by a zero byte."""
    mask = os.umask(0)
    os.umask(mask)
    folder = os.getcwdb()  # noqa: PTH109 - pathlib is not imported here, and would cost as much
    environment = [name + b"=" + value for name, value in os.environb.items()]
    return b"\0".join([os.fsencode(sys.argv[-1]), folder, str(mask).encode(), *environment])


def _user_of(connection: _socket.socket) -> int:
    """Return the user id of the process that listens: the second of the kernel's three integers."""
    credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[4:8], sys.byteorder)


def _wait(connection: _socket.socket) -> int | None:
    """Pass on signals until the step has ended and return its wait status.

    None where the warm process and the child are both gone without a word: the child holds the
    connection too, so that nothing of the step runs any more.
    """

    def forward(number: int, _frame: object) -> None:
        try:  # noqa: SIM105 - `suppress` is not imported here
            connection.send(bytes([number]))
        except OSError:
            pass

    connection.settimeout(None)
    for number in _SIGNALS:
        _signal.signal(number, forward)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _SIGNALS)
    status = b""
    try:
        while len(status) < 4:
            part = connection.recv(4 - len(status))
            if not part:
                return None
            status += part
    except OSError:
        return None
    return int.from_bytes(status, sys.byteorder, signed=True)


def _end_as(status: int) -> None:
    """End as the child ended, by the same exit code or the same signal."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in _SIGNALS:
            _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    entry()
