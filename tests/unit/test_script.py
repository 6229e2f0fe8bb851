"""A person's own program in the place of the sampler: what it gets, and what it must leave."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.config import load
from stanchion.draws.files import read_group
from stanchion.errors import DeclarationError, Fault, StepError
from stanchion.plan.model import Facts, Plan
from stanchion.plan.planner import make_plan
from stanchion.sampling.archive import read_archive
from stanchion.stan.program import Variable
from stanchion.steps import collect_draws, sample_fit
from tests.unit.draws_cases import job, write_json
from tests.unit.external_cases import CHAINS, DRAWS, groups, write
from tests.unit.steps_cases import META, Y, collecting, diagnose, verdicts_of
from tests.unit.test_external import PROGRAM, SIZES

LOCK = "".join(f"{name}=={version(name)}\n" for name in ("numpy", "xarray", "h5netcdf"))
COPY = """\
import shutil, sys
shutil.copy("code/data/d.nc", sys.argv[sys.argv.index("--output") + 1])
"""
"""A script that leaves draws which were made before."""
PAGE = (Path(__file__).parents[2] / "docs/scripts.md").read_text()
WALK = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
"""The example of the page: a sampler of the mean of normal data with sd 1, under Normal(0, 10)."""
MU = {
    "parameters": (Variable("mu", "real", 0, ()),),
    "transformed_parameters": (),
    "generated_quantities": (),
}


def run(folder: Path, text: str, **changes: Any) -> Path:
    """Run a script with sources by their paths, and return the folder of its project."""
    sources = changes.pop("sources", {})
    for name, content in {"scripts/m.py": text, "scripts/m.lock": LOCK, **sources}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(changes.pop("lock", content) if name.endswith(".lock") else content)
    settings = {
        "script": "scripts/m.py",
        "lock": "scripts/m.lock",
        "sources": list(sources),
        "settings": {},
        "chains": CHAINS,
        "draws": DRAWS,
        "weights": False,
        **changes.pop("settings", {}),
    }
    declared = changes.pop("variables", None)
    variables = {"variables": declared} if declared is not None else {}
    arguments: dict[str, Any] = {
        "method": "script",
        "method_version": 1,
        "settings": settings,
        "seed": 7,
        "checks": {},
        "keep": [],
        "variables": collecting(**variables)["variables"],
        "jobs": 1,
        "threads": 1,
        "time_limit": "60s",
        "fit": "a/d/m/script",
        "interpreter": None,
        **changes,
    }
    inputs: dict[str, Path | list[Path]] = {
        "data": write_json(folder / "data.json", SIZES),
        "script": folder / "scripts/m.py",
        "lock": folder / "scripts/m.lock",
        "sources": [folder / name for name in sources],
    }
    staged = folder / "staged"
    step = job(staged, "sample_fit", arguments, inputs, {"chains": "chains.zip"})
    sample_fit.run(replace(step, log=folder / "log", notes=NOTES))
    return folder


NOTES: dict[str, Any] = {}


def collect(folder: Path, settings: dict[str, Any], **variables: Any) -> Path:
    """Collect what a script has left, into a folder of its own."""
    target = folder / "fit"
    target.mkdir()
    whole = {"script": "scripts/m.py", "lock": "scripts/m.lock", **settings}
    inputs: dict[str, Path | list[Path]] = {
        "chains": [folder / "staged/chains.zip"],
        "data": folder / "data.json",
        "meta": write_json(target / "meta.json", META),
    }
    requested = collecting(**{"method": "script", "settings": whole, **variables})
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(target, "collect_draws", requested, inputs, outputs))
    return target


@pytest.fixture
def draws(tmp_path: Path) -> dict[str, None]:
    """Draws that a script can leave, as a source of it."""
    write(tmp_path / "data/d.nc", groups())
    return {"data/d.nc": None}


def refusal(folder: Path, text: str, **changes: Any) -> Fault:
    """Return the one fault of a script that fails, after which nothing half-written is left."""
    with pytest.raises(StepError) as caught:
        run(folder, textwrap.dedent(text), **changes)
    (fault,) = caught.value.faults
    assert not (folder / "staged/chains.zip").exists()
    return fault


def test_a_sampler_of_ones_own_finds_the_posterior(tmp_path: Path) -> None:
    """Its draws have the conjugate posterior's mean and sd within four Monte Carlo errors."""
    size = {"chains": 4, "draws": 1000, "settings": {"scale": 0.7}}
    run(tmp_path, WALK, variables=MU, settings=size)
    folder = collect(tmp_path, size, variables=MU, observed=None, replicated=None, predicted=None)
    judged = diagnose(folder, "script")
    assert judged["verdict"] == "pass"
    assert verdicts_of(judged)["divergences"] == "skipped"
    mu = read_group(folder / "draws.nc", "posterior")["mu"]
    precision = len(Y) + 1 / 100
    mean, sd = Y.sum() / precision, precision**-0.5
    ess = next(c["value"] for c in judged["checks"] if c["check"] == "ess_bulk")
    assert abs(mu.mean() - mean) < 4 * sd / ess**0.5
    assert abs(mu.std() - sd) < 4 * sd / (2 * ess) ** 0.5
    (note,) = NOTES["runs"]
    assert note["same_bytes"] is False
    assert note["packages"]["numpy"] == version("numpy")


def test_a_script_gets_data_seed_settings_and_no_more(
    tmp_path: Path, draws: dict[str, None]
) -> None:
    """It runs in a folder of its own, beside copies of its sources, with these arguments."""
    seen = tmp_path / "seen.json"
    text = f"""\
        import json, os, sys
        seen = {{
            "words": sys.argv,
            "files": sorted(os.path.join(d, f) for d, _, fs in os.walk(".") for f in fs),
            "data": json.load(open("data.json")),
            "settings": json.load(open("settings.json")),
            "path": sys.path[0],
            "environment": dict(os.environ),
            "folder": os.getcwd(),
        }}
        json.dump(seen, open({str(seen)!r}, "w"))
        """
    settings = {"settings": {"step": 0.5, "names": ["a", "b"]}}
    run(tmp_path, textwrap.dedent(text) + COPY, sources=draws, settings=settings)
    got = json.loads(seen.read_text())
    assert got["words"][0] == "code/scripts/m.py"
    assert dict(zip(got["words"][1::2], got["words"][2::2], strict=True)) == {
        "--data": "data.json",
        "--seed": "7",
        "--chains": "4",
        "--draws": "500",
        "--settings": "settings.json",
        "--output": "draws.nc",
    }
    assert got["files"] == [
        "./code/data/d.nc",
        "./code/scripts/m.py",
        "./data.json",
        "./settings.json",
    ]
    assert (got["data"], got["settings"]) == (SIZES, settings["settings"])
    assert got["path"].endswith("/code/scripts")
    assert got["environment"]["OMP_NUM_THREADS"] == "1"
    assert "PYTHONPATH" not in got["environment"]
    assert got["environment"]["TMPDIR"].startswith(got["folder"])
    assert not Path(got["folder"]).exists()
    archive = read_archive(tmp_path / "staged/chains.zip", tmp_path / "out")
    assert list(archive.others) == ["draws.nc"]
    assert archive.others["draws.nc"].read_bytes() == (tmp_path / "data/d.nc").read_bytes()


def test_what_a_script_prints_is_in_the_log(tmp_path: Path, draws: dict[str, None]) -> None:
    """Output and errors, whatever bytes they are, and no more than the log has room for."""
    text = (
        "import os, sys\nos.write(1, bytes(range(256)) * 40000)\nprint('last', file=sys.stderr)\n"
    )
    run(tmp_path, text + COPY, sources=draws)
    log = (tmp_path / "log").read_bytes()
    assert bytes(range(256)) in log
    assert b"last\n" in log
    assert len(log) < 5 << 20


FAILING: dict[str, tuple[str, str]] = {
    "exits": ("print('no such prior'); raise SystemExit(1)", "failed with exit code 1"),
    "raises": ("raise ValueError('no such prior')", "ValueError: no such prior"),
    "nothing": ("print('done')", "ended well, and left no file at `--output`"),
    "garbage": ("open('draws.nc', 'w').write('x' * 5000)", "not whole"),
    "folder": ("import os; os.mkdir('draws.nc')", "left no file at `--output`"),
    "link": ("import os; os.symlink('code/data/d.nc', 'draws.nc')", "left no file at"),
    "truncated": (
        "b = open('code/data/d.nc', 'rb').read(); open('draws.nc', 'wb').write(b[:len(b) // 2])",
        "not whole",
    ),
    "killed": ("import os; os.kill(os.getpid(), 9)", "was killed by SIGKILL, twice"),
    "import": ("import no_such_package", "No module named 'no_such_package'"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_script_that_fails_is_one_sentence(
    tmp_path: Path, draws: dict[str, None], case: str
) -> None:
    """Its exit code, its last words or what is wrong with its file; and no result is left."""
    text, words = FAILING[case]
    fault = refusal(tmp_path, text, sources=draws)
    assert words in fault.what
    assert "scripts/m.py" in f"{fault.what} {fault.where}"


def test_draws_of_another_model_are_refused(tmp_path: Path, draws: dict[str, None]) -> None:
    """What a script leaves is held to the program before it counts as a result."""
    fault = refusal(tmp_path, COPY, sources=draws, settings={"draws": 499})
    assert "holds 4 chains of 500 draws, and 4 chains of 499 draws are declared" in fault.what
    assert fault.where == "scripts/m.py"


def test_a_script_that_edits_its_sources_runs_by_what_was_hashed(
    tmp_path: Path, draws: dict[str, None]
) -> None:
    """The copies that it may reach are not the files of the project, nor those of the step."""
    text = """\
        from pathlib import Path
        for path in ("code/scripts/m.py", "code/scripts/helper.py", "data.json"):
            Path(path).write_text("raise SystemExit(3)")
        import helper
        """
    helper = {"scripts/helper.py": "raise SystemExit(5)\n"}
    sources = {**helper, **draws}
    fault = refusal(tmp_path, text, sources=sources)
    assert "exit code 3" in fault.what
    assert (tmp_path / "scripts/helper.py").read_text() == helper["scripts/helper.py"]
    assert json.loads((tmp_path / "data.json").read_text()) == SIZES


def alive(number: int) -> bool:
    """Tell whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


LINGERING = """\
import os, signal, sys, time
from pathlib import Path
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    Path("{pid}").write_text(str(os.getpid()))
    while True:
        os.write(1, b"x" * 1000)
        time.sleep(0.01)
while not (Path("{pid}").exists() and Path("{pid}").read_text()):
    time.sleep(0.01)
"""


def test_what_a_script_has_started_ends_with_it(tmp_path: Path, draws: dict[str, None]) -> None:
    """A daemon that holds its output open, in a session of its own, neither lives on nor waits."""
    pid, start = tmp_path / "pid", time.monotonic()
    run(tmp_path, LINGERING.replace("{pid}", str(pid)) + COPY, sources=draws)
    assert time.monotonic() - start < 50
    assert not alive(int(pid.read_text()))


def test_a_time_limit_ends_a_script_that_does_not_listen(tmp_path: Path) -> None:
    """One that ignores SIGTERM, with what it has started, and says so."""
    pid = tmp_path / "pid"
    text = LINGERING.replace("{pid}", str(pid)) + textwrap.dedent(
        """\
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(0.1)
        """
    )
    fault = refusal(tmp_path, text, time_limit="3s")
    assert "did not finish within its time limit of 3s" in fault.what
    assert not alive(int(pid.read_text()))


def test_a_script_ends_with_the_process_that_runs_it(tmp_path: Path) -> None:
    """The kernel ends it when its step is killed, so that nothing goes on writing."""
    pid = tmp_path / "pid"
    (tmp_path / "m.py").write_text(
        f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    step = f"""\
        from pathlib import Path
        from stanchion.stan.process import Apart, run_program
        run_program(
            [{sys.executable!r}, {str(tmp_path / "m.py")!r}],
            Path({str(tmp_path / "log")!r}),
            chain="m.py",
            apart=Apart(Path({str(tmp_path)!r}), {{}}),
        )
        """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(step)])
    try:
        end = time.monotonic() + 60
        while not (pid.exists() and pid.read_text()) and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    end = time.monotonic() + 20
    while alive(int(pid.read_text())) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(int(pid.read_text()))


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ("numpy==0.1\n", f"numpy 0.1 is {version('numpy')}"),
        ("no-such-package==1.0\n", "no-such-package 1.0 is not installed"),
        ("numpy>=2\n", "'numpy>=2' (entry 1) pins no version"),
        ("# nothing\n\n", "it pins no package"),
    ],
)
def test_packages_that_are_not_those_of_the_lock_stop_it(
    tmp_path: Path, lock: str, words: str
) -> None:
    """Another version, a missing package, or a lock that pins nothing: before the script runs."""
    fault = refusal(tmp_path, "raise SystemExit('it ran')", lock=lock)
    assert words in fault.what
    assert (fault.where, fault.key) == ("scripts/m.lock", "lock")


def test_a_lock_may_have_hashes_conditions_and_options(
    tmp_path: Path, draws: dict[str, None]
) -> None:
    """As pip, uv and pip-tools write them; of a condition the package counts where it is there."""
    digest = hashlib.sha256(b"").hexdigest()
    lock = (
        "# made by hand\n--index-strategy unsafe\n"
        f"NumPy=={version('numpy')} \\\n    --hash=sha256:{digest} \\\n    --hash=sha256:{digest}\n"
        f"xarray[io]=={version('xarray')}  # via x\n"
        "pywin32==1.0 ; sys_platform == 'win32'\n"
    )
    run(tmp_path, COPY, sources=draws, lock=lock)
    assert (tmp_path / "staged/chains.zip").exists()


@pytest.mark.parametrize(
    ("python", "words"),
    [(".venv-none/bin/python", "there is no such Python"), ("/bin/true", "does not say which")],
)
def test_a_python_that_is_none_is_refused(tmp_path: Path, python: str, words: str) -> None:
    """One that is not there, and one that is something else."""
    fault = refusal(tmp_path, "raise SystemExit('it ran')", interpreter=python)
    assert words in fault.what
    assert fault.key == "python"


def weighted(folder: Path, shift: float) -> dict[str, None]:
    """Write draws of Normal(mean + shift, 1.3 sd), with weights that make them the posterior's."""
    precision = len(Y) + 1 / 100
    mean, sd = Y.sum() / precision, precision**-0.5
    mu = np.random.default_rng(3).normal(mean + shift * sd, 1.3 * sd, size=(CHAINS, DRAWS))
    log_p, log_q = (
        -0.5 * ((mu - m) / s) ** 2 for m, s in ((mean, sd), (mean + shift * sd, 1.3 * sd))
    )
    content = {"posterior": {"mu": mu}, "sample_stats": {"log_weight": log_p - log_q - 40.0}}
    write(folder / "data/d.nc", content)
    return {"data/d.nc": None}


def test_weighted_draws_are_judged_and_resampled_as_an_approximation(tmp_path: Path) -> None:
    """k-hat judges them, R-hat does not, and the resampled draws have the posterior's mean."""
    settings = {"weights": True, "chains": CHAINS, "draws": DRAWS}
    sources = weighted(tmp_path, 0.5)
    run(tmp_path, COPY, sources=sources, variables=MU, settings=settings)
    roles = dict.fromkeys(("observed", "replicated", "predicted"))
    folder = collect(tmp_path, settings, variables=MU, **roles)
    judged = diagnose(folder, "script")
    checks = ("finite", "constant", "khat", "generated", "attempts")
    assert verdicts_of(judged) == dict.fromkeys(checks, "pass")
    assert judged["weighting"] == "resampled"
    precision = len(Y) + 1 / 100
    mu = read_group(folder / "draws.nc", "posterior")["mu"]
    assert mu.shape == (1, CHAINS * DRAWS)
    # of 2000 draws with weights of sd below 1, at least 1000 count
    assert abs(mu.mean() - Y.sum() / precision) < 4 * precision**-0.5 / 1000**0.5


def test_weights_that_are_not_there_are_refused(tmp_path: Path, draws: dict[str, None]) -> None:
    """`weights: true` asks for `log_weight`, and nothing stands in for it."""
    fault = refusal(tmp_path, COPY, sources=draws, settings={"weights": True})
    assert "has no `log_weight`, and `weights: true` is declared" in fault.what


CONFIG = """\
seed: 3
datasets:
  points: {path: data/points.csv, stan: {N: nrow(), y: y}}
models:
  m: {program: stan/m.stan}
analyses:
  a:
    datasets: [points]
    models: [m]
    methods:
      mine: {method: script, script: scripts/m.py, sources: [scripts/lib.py], lock: scripts/m.lock}
"""
CONTENT = {
    "data/points.csv": "0" * 64,
    "scripts/m.py": "1" * 64,
    "scripts/lib.py": "2" * 64,
    "scripts/m.lock": "3" * 64,
}


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Plan the declaration with a text of it exchanged, and files of other content."""
    monkeypatch.chdir(tmp_path)

    def make(old: str = "", new: str = "", **files: str) -> Plan:
        assert old in CONFIG
        Path("config.yaml").write_text(CONFIG.replace(old, new, 1) if old else CONFIG)
        content = CONTENT | {f"scripts/{name.replace('_', '.')}": h for name, h in files.items()}
        facts = Facts(
            programs={"m": PROGRAM}, files=content, compilers={"m": {}}, toolchain={}, waivers={}
        )
        return make_plan(load(Path("config.yaml")), facts)

    return make


def key_of(plan: Plan) -> str:
    (step,) = [step for step in plan if step.rule == "sample_fit"]
    return step.key


def test_script_sources_lock_and_settings_are_the_key(planned: Callable[..., Plan]) -> None:
    """Each of them makes the draws anew; the Python, its cores and the time limit do not."""
    first = planned()
    assert [s.rule for s in first if s.rule == "compile_program"] == []
    for name in ("m_py", "lib_py", "m_lock"):
        assert key_of(planned(**{name: "4" * 64})) != key_of(first), name
    lock = "lock: scripts/m.lock"
    for more in ("settings: {a: 1}", "chains: 3", "draws: 9", "weights: true", "seed: 1"):
        assert key_of(planned(lock, f"{lock}, {more}")) != key_of(first), more
    for more in ("python: .venv/bin/python", "cores: 2", "time_limit: 1h", "on_fail: flag"):
        assert key_of(planned(lock, f"{lock}, {more}")) == key_of(first), more


def test_a_script_reserves_its_cores(planned: Callable[..., Plan]) -> None:
    """They are reserved, and compile no model of Stan with threads."""
    plan = planned("methods:", "methods:\n      nuts: {chains: 1}")
    threaded = planned(
        "methods:\n",
        "methods:\n      nuts: {chains: 1}\n      two: {method: script, "
        "script: scripts/m.py, lock: scripts/m.lock, cores: 2}\n",
    )
    (step,) = [s for s in threaded if s.rule == "sample_fit" and s.wildcards["method"] == "two"]
    assert step.threads == 2
    one, two = ([s.key for s in p if s.rule == "compile_program"] for p in (plan, threaded))
    assert one == two


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("scripts/m.py", "/scripts/m.py", "leads out of the project"),
        ("scripts/lib.py", "../lib.py", "leads out of the project"),
        ("scripts/lib.py", "scripts/m.py", "this file is named twice"),
        (", lock: scripts/m.lock", "", "'lock' is missing"),
        ("lock:", "settings: {a: {b: 1}}, lock:", ""),
        ("lock:", "weights: true, chains: 2, draws: 9, lock:", "18 weighted draws are fewer"),
    ],
)
def test_a_declaration_of_a_script_is_whole(
    planned: Callable[..., Plan], old: str, new: str, words: str
) -> None:
    """Files lie in the project and are named once, and a lock is needed."""
    with pytest.raises(DeclarationError) as caught:
        planned(old, new)
    assert any(words in fault.what for fault in caught.value.faults)


def test_the_full_disk_is_said(tmp_path: Path) -> None:
    """A script whose file does not fit fails by its own words, and nothing of it is left."""
    text = """\
        import os, resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        open("draws.nc", "wb").write(bytes(10000))
        """
    fault = refusal(tmp_path, text)
    assert "OSError: [Errno 27] File too large" in fault.what
