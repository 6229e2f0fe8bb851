"""A client's request: the job file, folder, umask, environment and the three standard files."""

from __future__ import annotations

import array
import os
import socket
import struct
from pathlib import Path

_SIZE = 4
_LARGEST = 1 << 24


class Request:
    """What has been read of a request so far."""

    def __init__(self) -> None:
        self.files: list[int] = []
        self.size: int | None = None
        self.body = bytearray()

    @property
    def is_whole(self) -> bool:
        """Tell whether all of it has been read."""
        return self.size is not None and len(self.body) == self.size

    @property
    def fields(self) -> list[bytes]:
        """Job file, folder, umask, then `name=value` of each variable."""
        return bytes(self.body).split(b"\0")

    @property
    def step(self) -> str:
        """The step's name, which the folder of its job file begins with."""
        return self.job.parent.name.partition(".")[0]

    @property
    def job(self) -> Path:
        """The path of the job file, from the root."""
        job, folder, *_ = self.fields
        return Path(os.fsdecode(folder)) / os.fsdecode(job)

    def read(self, connection: socket.socket) -> None:
        """Read what there is.

        Raises:
            BlockingIOError: there is nothing yet.
            ValueError: it is no request, or its client is gone.
        """
        if self.size is None:
            self._read_head(connection)
            return
        part = connection.recv(self.size - len(self.body))
        if not part:
            raise ValueError("the client is gone")
        self.body += part

    def _read_head(self, connection: socket.socket) -> None:
        numbers = array.array("i")
        space = socket.CMSG_LEN(3 * numbers.itemsize)
        head, ancillary, _, _ = connection.recvmsg(_SIZE, space, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers.frombytes(content[: len(content) // numbers.itemsize * numbers.itemsize])
        self.files = list(numbers)
        if len(head) != _SIZE or len(self.files) != 3:
            raise ValueError("not a request")
        (self.size,) = struct.unpack("=I", head)
        if not 0 < self.size <= _LARGEST:
            raise ValueError("not a request")

    def close(self) -> None:
        """Close this process's copies of the client's files."""
        for number in self.files:
            os.close(number)
        self.files = []
