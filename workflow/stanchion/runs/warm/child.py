"""What a forked child does: it becomes the step that its client was started for, and ends."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from stanchion.runs.warm import COMMAND
from stanchion.runs.warm.request import Request
from stanchion.steps import runner
from stanchion.system.processes import mark_forked

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def become(request: Request, connection: socket.socket, warm: int) -> NoReturn:
    """Be the step, with its client's files, folder, umask and environment; never returns.

    `os._exit` at the end: what the warm process would do at its end is none of the child's.
    """
    mark_forked(warm)
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for standard, file in enumerate(request.files):
            os.dup2(file, standard)
        _close_all_but(connection.fileno())
        job, folder, mask, *environment = request.fields
        os.chdir(folder)
        os.umask(int(mask))
        os.environb.clear()
        os.environb.update(
            (name, value) for name, _, value in (entry.partition(b"=") for entry in environment)
        )
        gc.enable()
        sys.argv = [COMMAND, os.fsdecode(job)]
        if os.getppid() == warm:
            code = runner.main(sys.argv[1:])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _close_all_but(connection: int) -> None:
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number > 2 and number != connection:
            with suppress(OSError):
                os.close(number)
