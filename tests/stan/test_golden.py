"""Golden bytes of the steps that need CmdStan."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.cases import sampled
from tests.stan.toolchains import toolchain_for_tests
from tests.unit.test_golden import check

pytestmark = pytest.mark.stan


def test_steps_with_cmdstan_keep_their_bytes(tmp_path: Path) -> None:
    """The same program, data and seed give the same draws, or the version was raised."""
    check(sampled(tmp_path, toolchain_for_tests()))
