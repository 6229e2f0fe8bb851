"""What records and tracking add to a run: one fit with 1 GB of results, and 200 small fits.

    python benchmarks/versioning.py [large] [many]

`records` is the work that the run's records cost, done once more: every file that a record names is
hashed again, and a record is opened and closed for each. `track` is `stanchion track` with a
remote in a folder beside the project: manifest, DVC's own hashes and copies, the push, and reading
back what was pushed. `track, no remote` is the same without the last two. Each is shown as a share
of the run's wall time, with the peak memory of its process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from stanchion.plan.job import JobFile
from stanchion.project.create import init
from stanchion.provenance.records import describe_files, open_record
from stanchion.stan.toolchain import find

STANCHION = Path(sys.executable).with_name("stanchion")
DVC = Path(sys.executable).with_name("dvc")
AIM = 0.05
PROGRAM = """\
data {
  int<lower=0> J;
  vector[J] y;
}
parameters {
  vector[J] theta;
}
model {
  theta ~ std_normal();
  y ~ normal(theta, 1);
}
"""
LARGE = 10_000
MANY = 200


@dataclass(frozen=True)
class Took:
    """Wall time in seconds and peak memory in bytes of a command."""

    seconds: float
    peak: int


def large(project: Path) -> None:
    """Declare one fit whose chains (kept) and draws take 1.1 GB: 4 × 1,000 × 10,000."""
    (project / "data/y.json").write_text(json.dumps({"J": LARGE, "y": [0.5] * LARGE}))
    nuts = "{chains: 4, warmup: 300, draws: 1000, on_fail: flag}"
    declare(project, ["y"], f"    methods: {{nuts: {nuts}}}\n    keep: [csv]\n")


def many(project: Path) -> None:
    """Declare 200 fits, each of two short chains, with reports and checks like any other."""
    names = [f"y{number}" for number in range(MANY)]
    for number, name in enumerate(names):
        (project / f"data/{name}.json").write_text(json.dumps({"J": 2, "y": [number / MANY, 1]}))
    declare(
        project,
        names,
        "    methods: {nuts: {chains: 2, warmup: 300, draws: 500, on_fail: flag}}\n",
    )


def declare(project: Path, datasets: list[str], methods: str) -> None:
    """Write the declaration of one analysis of these datasets."""
    (project / "stan/models/normal.stan").write_text(PROGRAM)
    data = "".join(f"  {name}: {{path: data/{name}.json}}\n" for name in datasets)
    (project / "config/config.yaml").write_text(
        f"datasets:\n{data}models:\n  normal: {{program: stan/models/normal.stan, "
        f"parameters: [theta]}}\nanalyses:\n  all:\n    datasets: [{', '.join(datasets)}]\n"
        f"    models: [normal]\n{methods}"
    )


CASES: dict[str, Callable[[Path], None]] = {"large": large, "many": many}


def main() -> None:
    """Measure the named cases, or all."""
    for case in sys.argv[1:] or CASES:
        with TemporaryDirectory(dir=Path.cwd()) as folder:
            measure(case, Path(folder))


def measure(case: str, folder: Path) -> None:
    """Run a case once, do its records' work again, track it, and print the shares."""
    project = folder / "project"
    init(project)
    CASES[case](project)
    version(project)
    ran = timed([str(STANCHION), "run"], project)
    files = [path for path in (project / "results").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    rows = {
        "records": again(project),
        "track, no remote": timed([str(STANCHION), "track"], project),
    }
    timed([str(DVC), "remote", "add", "-d", "store", str(folder / "store")], project)
    rows["track"] = timed([str(STANCHION), "track"], project)
    print(f"{case}: {size / 1e9:.2f} GB in {len(files)} files, run {ran.seconds:.1f} s")
    for name, took in rows.items():
        share, peak = took.seconds / ran.seconds, took.peak / 1e6
        print(f"  {name:18}{took.seconds:6.1f} s  {share:6.1%} of the run  peak {peak:5.0f} MB")
    print(f"  (aim: ≤ {AIM:.0%})", flush=True)


def version(project: Path) -> None:
    """Put the project under git."""
    who = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Declare"]):
        subprocess.run(["git", *who, *words], cwd=project, check=True)


def timed(command: list[str], folder: Path) -> Took:
    """Run a command in the folder; what it printed is shown where it fails."""
    cache = folder.parent / "cache"
    environment = {**os.environ, "CMDSTAN": str(find().path), "STANCHION_CACHE": str(cache)}
    begin = time.perf_counter()
    with (folder.parent / "said").open("w+") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        if status != 0:
            output.seek(0)
            sys.exit(f"{' '.join(command)}\n{output.read()}")
    return Took(seconds, used.ru_maxrss * 1024)


def again(project: Path) -> Took:
    """Hash every file that the run's records name, and open and close a record for each."""
    before = Path.cwd()
    os.chdir(project)
    try:
        records = [json.loads(path.read_text()) for path in Path().rglob("records/*/*.json")]
        begin = time.perf_counter()
        for number, record in enumerate(records):
            for side in (record["inputs"], record["outputs"]):
                present = [Path(entry["path"]) for entry in side if Path(entry["path"]).exists()]
                describe_files({"files": list(present)})
            opened = open_record(job_of(record, f"again/{number}"))
            opened.close("done", 0, inputs=record["inputs"], outputs=record["outputs"])
        seconds = time.perf_counter() - begin
    finally:
        os.chdir(before)
    return Took(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def job_of(record: dict[str, object], records: str) -> JobFile:
    """Return the job that a record tells of, with another folder for its records."""
    return JobFile(
        step=str(record["step"]),
        key=str(record["key"]),
        made_of=dict(record["made_of"]),  # type: ignore[call-overload]
        arguments=dict(record["arguments"]),  # type: ignore[call-overload]
        unkeyed=dict(record["unkeyed"]),  # type: ignore[call-overload]
        inputs={},
        expected={},
        outputs={},
        key_file="",
        stamps="",
        records=records,
        log="",
        drop=(),
        cached=False,
    )


if __name__ == "__main__":
    main()
