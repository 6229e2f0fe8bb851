"""Workers begin with the tests that take longest, and none waits for another's Slurm."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.order import LONGEST, TOGETHER, FileScheduling, rank
from tests.project import ROOT

TESTS = [
    *(f"tests/unit/test_many.py::test_{n}" for n in range(9)),
    *(f"tests/cluster/test_{name}.py::test_{n}" for name in ("a", "b") for n in range(2)),
    "tests/stan/test_long.py::test_long",
    "tests/workflow/test_longer.py::test_longer",
]


class Worker:
    """Notes which tests it is sent."""

    shutting_down = False

    def __init__(self) -> None:
        self.gateway = SimpleNamespace(id=id(self))
        self.files: list[str] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        tests = [sorted(TESTS, key=rank)[index] for index in indices]
        self.files += dict.fromkeys(test.partition("::")[0] for test in tests)

    def shutdown(self) -> None:
        self.shutting_down = True


def test_files_of_few_long_tests_go_before_those_of_many_short_ones() -> None:
    """One worker has all of the cluster; the other the rest, longest first."""
    config: Any = SimpleNamespace(
        getvalue=lambda _: ["popen", "popen"], option=SimpleNamespace(loadscopereorder=True)
    )
    scheduling = FileScheduling(config)
    first, second = workers = Worker(), Worker()
    for worker in workers:
        scheduling.add_node(worker)  # type: ignore[arg-type]
        scheduling.add_node_collection(worker, sorted(TESTS, key=rank))  # type: ignore[arg-type]
    scheduling.schedule()
    assert first.files == ["tests/cluster/test_a.py", "tests/cluster/test_b.py"]
    assert second.files == ["tests/workflow/test_longer.py", "tests/stan/test_long.py"]
    for number in range(2):
        scheduling.mark_test_complete(second, number + 4)  # type: ignore[arg-type]
    assert second.files[2:] == ["tests/unit/test_many.py"]


def test_folders_in_the_order_are_there() -> None:
    """A folder that got another name would lose its place unnoticed."""
    assert set(TOGETHER) < set(LONGEST)
    assert all((ROOT / "tests" / name).is_dir() for name in LONGEST)
