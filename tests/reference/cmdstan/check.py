"""Run the cases against models built by another CmdStan, and compare with what CmdStan itself gave.

    python check.py run MODEL_DIR OUT_DIR    # MODEL_DIR holds the executables: bernoulli, ...
    python check.py compare OUT_DIR          # OUT_DIR against expected/

A case agrees when the exit code is the same, every file that CmdStan wrote is there, and in every
CSV the header and each row of numbers are the same bytes. Comment lines are compared too, less the
clock, elapsed times and paths, and reported apart: they matter where a reader parses them.
For a refused input the last line of the message must be there, on either stream.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLOCK = re.compile(r"start_datetime|[Ee]lapsed|seconds \(|stancflags|stanc_version|file = ")


def run(models: Path, out: Path) -> None:
    for case in json.loads((HERE / "cases.json").read_text()):
        folder = out / case["case"]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        inputs = set()
        for source in (HERE / "data").glob("*.json"):
            shutil.copy(source, folder)
            inputs.add(source.name)
        for name, text in case.get("files", {}).items():
            (folder / name).write_text(text)
            inputs.add(name)
        for earlier in case.get("after", []):
            for source in (out / earlier).glob("*.csv"):
                shutil.copy(source, folder)
                inputs.add(source.name)
        completed = subprocess.run(
            [str((models / case["model"]).resolve()), *case["args"].split()],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        (folder / "stdout.txt").write_text(completed.stdout)
        (folder / "stderr.txt").write_text(completed.stderr)
        (folder / "exit_code").write_text(f"{completed.returncode}\n")
        for name in inputs:
            (folder / name).unlink(missing_ok=True)


def split(text: str) -> tuple[list[str], list[str]]:
    lines = text.splitlines()
    numbers = [line for line in lines if line and not line.startswith("#")]
    if "time_in_seconds" in text:  # the trace of the ELBO holds a clock in its second column
        numbers = [",".join(c for i, c in enumerate(line.split(",")) if i != 1) for line in numbers]
    comments = [line.rstrip() for line in lines if line.startswith("#") and not CLOCK.search(line)]
    return numbers, comments


def said_on_both(folder: Path) -> str:
    return (folder / "stdout.txt").read_text() + (folder / "stderr.txt").read_text()


def compare(out: Path) -> int:
    failed = 0
    for want in sorted(p for p in (HERE / "expected").iterdir() if p.is_dir()):
        got, faults, remarks = out / want.name, [], []
        if not got.is_dir():
            faults.append("not run")
        else:
            if (want / "exit_code").read_text() != (got / "exit_code").read_text():
                faults.append(f"exit code {(got / 'exit_code').read_text().strip()}")
            for file in sorted(want.glob("*.csv")):
                other = got / file.name
                if not other.exists():
                    faults.append(f"{file.name} missing")
                    continue
                (n1, c1), (n2, c2) = split(file.read_text()), split(other.read_text())
                if n1 != n2:
                    pairs = enumerate(zip(n1, n2, strict=False))
                    row = next((i for i, (a, b) in pairs if a != b), min(len(n1), len(n2)))
                    rows = f"{len(n2)} rows, want {len(n1)}"
                    faults.append(f"{file.name} differs from row {row} ({rows})")
                if c1 != c2:
                    remarks.append(f"{file.name}: {len(set(c1) ^ set(c2))} comment lines")
            for file in sorted(want.glob("*.json")):
                if not (got / file.name).exists():
                    faults.append(f"{file.name} missing")
            if want.name.startswith("bad_") and (want / "exit_code").read_text().strip() != "0":
                output = said_on_both(got)
                expected = [x for x in said_on_both(want).splitlines() if x.strip()]
                if not output.strip():
                    faults.append("no message")
                elif expected[-1].split(" (in ")[0] not in output:
                    remarks.append(f"message differs from: {expected[-1][:90]}")
        failed += bool(faults)
        if faults or remarks:
            remarked = f"  [{'; '.join(remarks)}]" if remarks else ""
            print(f"{want.name}: {'; '.join(faults) or 'agrees'}{remarked}")
    total = sum(1 for p in (HERE / "expected").iterdir() if p.is_dir())
    print(f"{total - failed} of {total} cases agree")
    return failed


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "run":
        run(Path(sys.argv[2]), Path(sys.argv[3]))
    elif len(sys.argv) == 3 and sys.argv[1] == "compare":
        sys.exit(1 if compare(Path(sys.argv[2])) else 0)
    else:
        sys.exit(__doc__)
