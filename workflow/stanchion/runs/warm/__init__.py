"""One warm process a machine and run: it has imported what steps need, and forks a child for each.

A step as a process of its own pays for its imports every time. The client (`stanchion-step`) asks
the warm process of the Snakemake that started it (`offer`), over a Unix socket; the server forks a
child that is the step: with the client's folder, environment, files and signals. Where there is no
warm process, or it does not answer, the client runs the step itself; the results are the same.
"""

from __future__ import annotations

VARIABLE = "STANCHION_WARM"
"""`PID:SOCKET`: whose steps may use the warm process, and where it listens; `off` turns it off."""
OFF = "off"
COMMAND = "stanchion-step"
"""The client's name, by which a run that is stopped also knows its steps (`system.stopping`)."""
OFFERED = b"o"
"""The server would fork now; the client may still go its own way."""
REFUSED = b"r"
"""The server has threads that it did not start, so that a fork would not be safe."""
ACCEPTED = b"a"
"""The client waits for the step's end from here on."""
