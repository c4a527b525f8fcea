"""Importing the histories that agents keep, beside what ccusage takes to read the same files.

Generates Claude Code's and Codex's histories (`_histories.py` tells of what and in which proportions), then measures in
turns: ccusage's daily report, which reads everything and stores nothing, and a first import into an empty data
directory, by phase: until every row is durable (start of the program, reading, journal), in the database, and in the
models. Then what comes later: an import with nothing new, and one after some sessions went on. ccusage is the program
that AA_CCUSAGE names, or with --install the one that npm puts into a temporary folder; without either the baseline is
`json.loads` of each line in Python.
Run: python -m bench transcripts [--megabytes N] [--rounds N] [--install] [--keep FOLDER] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench._histories import Made

ROOT = Path(__file__).resolve().parent.parent
CCUSAGE = "ccusage@20.0.24"
FIRST_TARGET = 1.5
LATER_TARGET = 10.0
GROWN_FILES = 5
COMMAND = "import sys; from engine.cli import main; sys.exit(main())"
BASELINE = """
import json, sys
from pathlib import Path
for path in sorted(Path(sys.argv[1]).rglob("*.jsonl")):
    with open(path, "rb") as lines:
        for line in lines:
            json.loads(line)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of one program, seconds of processors, peak memory of its largest process in bytes."""

    seconds: float
    processor: float
    memory: int
    output: str


def run(command: list[str], environment: dict[str, str]) -> Run:
    """Run to the end. Raises SystemExit with what it said when it fails."""
    begun = time.clock_gettime(time.CLOCK_MONOTONIC)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as trouble:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**environment, "AA_BENCH_STARTED": str(begun)}, stdout=output, stderr=trouble
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.clock_gettime(time.CLOCK_MONOTONIC) - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        trouble.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)[:200]}: {trouble.read()[-2000:]}")
        return Run(seconds, usage.ru_utime + usage.ru_stime, 1024 * usage.ru_maxrss, output.read())


def find_ccusage(folder: Path, install: bool) -> list[str] | None:
    """The command, or None when there is none."""
    if install:
        npm = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), CCUSAGE]
        subprocess.run(npm, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # The program itself, without the script that looks for it: node's start is not what is compared.
        for program in folder.glob("node_modules/@ccusage/*/bin/ccusage"):
            return [str(program)]
        return [str(folder / "node_modules/.bin/ccusage")]
    named = os.environ.get("AA_CCUSAGE")
    return [named] if named else None


def go_on(histories: Path) -> int:
    """Append a reply to some sessions; returns how many bytes."""
    grown = 0
    files = sorted((histories / "claude").rglob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)[-GROWN_FILES:]
    for path in files:
        lines = [line for line in path.read_bytes().split(b"\n") if b'"usage":{"input_tokens"' in line]
        entry = json.loads(lines[-1])
        entry["message"]["id"] += "later"
        entry["requestId"] += "later"
        added = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with path.open("ab") as stream:
            stream.write(added)
        grown += len(added)
    return grown


def main(words: list[str] | None = None) -> int:
    """Print the figures; exit 1 when an import did not tell of every request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--install", action="store_true", help=f"let npm put {CCUSAGE} into a temporary folder")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the generated histories there")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words or [])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        histories = arguments.keep or folder / "histories"
        if arguments.keep and arguments.keep.exists():
            shutil.rmtree(arguments.keep)
        # In a process of its own: what it needs of memory would count as its later siblings'.
        words = [str(histories), str(arguments.megabytes * 1_000_000), str(arguments.seed)]
        told = run([sys.executable, "-m", "bench._histories", *words], dict(os.environ))
        made = Made(**json.loads(told.output))
        result = measure(made, histories, folder, find_ccusage(folder / "npm", arguments.install), arguments.rounds)
    if arguments.json:
        print(json.dumps(result))
    else:
        tell(made, result)
    return 0 if result["requests"] == made.requests else 1


def measure(made: Made, histories: Path, folder: Path, ccusage: list[str] | None, rounds: int) -> dict[str, object]:
    """All runs, in turns; medians."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment |= {"HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    environment |= {"CLAUDE_CONFIG_DIR": str(histories / "claude"), "CODEX_HOME": str(histories / "codex")}
    (folder / "home").mkdir()
    (folder / "home" / ".gitconfig").write_text("[user]\n\temail = bench@example.com\n")
    baseline = (
        [*ccusage, "daily", "--offline", "--json"] if ccusage else [sys.executable, "-c", BASELINE, str(histories)]
    )
    command = [sys.executable, "-c", COMMAND, "import", "transcripts", "--json"]
    for path in histories.rglob("*.jsonl"):  # all runs begin with the files in the system's memory
        with path.open("rb") as stream:
            while stream.read(1 << 20):
                pass
    theirs: list[Run] = []
    first: list[dict[str, object]] = []
    later: dict[str, list[Run]] = {"unchanged": [], "grown": []}
    for number in range(rounds):
        theirs.append(run(baseline, environment))
        data = folder / f"data{number}"
        own = {**environment, "AA_DATA_DIR": str(data)}
        phases = [sys.executable, "-m", "bench._import_phases", str(histories), str(data)]
        first.append(json.loads(run(phases, own).output))
        theirs.append(run(baseline, environment))
        run(command, own)  # registers the files under the command's own roots
        later["unchanged"].append(run(command, own))
        grown = go_on(histories)
        later["grown"].append(run(command, own))
        assert json.loads(later["grown"][-1].output)["bytes_read"] == grown
        shutil.rmtree(data)
    seconds = statistics.median(one.seconds for one in theirs)
    processor = statistics.median(one.processor for one in theirs)

    def phase(name: str, which: int) -> float:
        return statistics.median(one["marks"][name][which] for one in first)  # type: ignore[index]

    def of(name: str, field: str) -> float:
        return statistics.median(getattr(one, field) for one in later[name])

    return {
        "made": asdict(made),
        "baseline": "ccusage" if ccusage else "json.loads of each line",
        "rounds": rounds,
        "requests": first[0]["requests"],
        "rows": first[0]["rows"],
        "baseline_seconds": seconds,
        "baseline_processor": processor,
        "baseline_memory": max(one.memory for one in theirs),
        "first": {name: [phase(name, 0), phase(name, 1)] for name in ("durable", "applied", "models", "closed")},
        "first_ratio": phase("durable", 0) / seconds,
        "memory": max(max(one["memory"]) for one in first),  # type: ignore[call-overload]
        "memory_of_readers": max(one["memory"][1] for one in first),  # type: ignore[index]
        "later": {name: [of(name, "seconds"), of(name, "processor")] for name in later},
        "later_ratio": seconds / of("unchanged", "seconds"),
        "later_ratio_of_processors": processor / of("unchanged", "processor"),
    }


def tell(made: Made, result: dict[str, object]) -> None:
    """For people."""
    first: dict[str, list[float]] = result["first"]  # type: ignore[assignment]
    later: dict[str, list[float]] = result["later"]  # type: ignore[assignment]
    seconds, processor = float(str(result["baseline_seconds"])), float(str(result["baseline_processor"]))

    def line(name: str, figures: list[float], note: str = "") -> None:
        print(f"{name:28s}{figures[0]:8.2f} s{figures[1]:9.2f} s of processors{note}")

    print(
        f"{made.bytes / 1e6:,.0f} MB in {made.files:,} files; {made.lines:,} lines, of which {made.usage_lines:,} name "
        f"tokens ({made.usage_bytes / made.bytes:.0%} of the bytes); {made.requests:,} requests"
    )
    line(str(result["baseline"]), [seconds, processor], f", {float(str(result['baseline_memory'])) / 1e6:,.0f} MB")
    line("first import, durable", first["durable"], f"  ({result['first_ratio']:.2f} times; target {FIRST_TARGET:g})")
    line("  and in the database", first["applied"])
    line("  and in the models", first["models"])
    line("  and closed", first["closed"])
    line("later, nothing new", later["unchanged"], f"  ({result['later_ratio']:.1f} × faster; target {LATER_TARGET:g})")
    line(f"later, {GROWN_FILES} files grown", later["grown"])
    print(
        f"memory                      {float(str(result['memory'])) / 1e6:8.0f} MB at most (the models), "
        f"{float(str(result['memory_of_readers'])) / 1e6:.0f} MB a reader"
    )
    print(
        f"told                        {result['requests']:,} of {made.requests:,} requests in {result['rows']:,} rows"
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
