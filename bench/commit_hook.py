"""What the git hook adds to a commit.

Measures `git commit` in a fresh repository without any hook, with a hook that does nothing, and with ours, in turns, so
that a busy machine slows all of them; prints medians and the ratio. Run: python bench/commit_hook.py [--commits N]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET_MILLISECONDS = 30.0


def repository(folder: Path, environment: dict[str, str]) -> Path:
    """An empty repository."""
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=folder, env=environment, check=True)
    return folder


def commit(folder: Path, number: int, environment: dict[str, str]) -> float:
    """Milliseconds of one `git commit`."""
    (folder / "file").write_text(f"{number}\n")
    subprocess.run(["git", "add", "-A"], cwd=folder, env=environment, check=True)
    start = time.perf_counter()
    subprocess.run(["git", "commit", "-q", "-m", f"change {number}"], cwd=folder, env=environment, check=True)
    return (time.perf_counter() - start) * 1000


def settled(spool: Path) -> None:
    """Wait until background delivery is over, so that it does not disturb what is measured next."""
    marker = spool / "flushing"
    deadline = time.monotonic() + 10
    # In this order: a delivery first leaves its marker, then takes the file away.
    while ((spool / "commits.log").exists() or marker.exists()) and time.monotonic() < deadline:
        time.sleep(0.01)


def main(words: list[str] | None = None) -> int:
    """Print the figures; exit 1 when a commit was not noted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words or [])
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        (home / ".gitconfig").write_text("[user]\n\tname = Bench\n\temail = bench@example.com\n")
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}
        environment["XDG_DATA_HOME"] = str(home / "data")
        environment["AA_HOOKS_LINGER_SECONDS"] = "0"
        folders = {name: repository(home / name, environment) for name in ("none", "empty", "ours")}
        empty = folders["empty"] / ".git" / "hooks" / "post-commit"
        empty.write_text("#!/bin/sh\nexit 0\n")
        empty.chmod(0o755)
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from hooks.cli import main; sys.exit(main())"
        init = [sys.executable, "-P", "-c", code, "init", "--yes", "--agents", "none", "--repo", str(folders["ours"])]
        subprocess.run(init, env=environment, check=True, capture_output=True)
        spool = home / ".agent-analytics" / "spool"
        times: dict[str, list[float]] = {name: [] for name in folders}
        for number in range(arguments.commits):
            for name, folder in folders.items():
                times[name].append(commit(folder, number, environment))
            settled(spool)
        noted = len(list((spool / "outbox").glob("*.json")))
    median = {name: statistics.median(values[5:] or values) for name, values in times.items()}
    added = median["ours"] - median["none"]
    result = {
        "commit_ms": round(median["none"], 2),
        "with_empty_hook_ms": round(median["empty"], 2),
        "with_our_hook_ms": round(median["ours"], 2),
        "added_ms": round(added, 2),
        "ratio": round(median["ours"] / median["none"], 2),
        "target_ms": TARGET_MILLISECONDS,
        "commits": arguments.commits,
        "noted": noted,
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        print(f"git commit            {median['none']:7.2f} ms")
        print(f"  with an empty hook  {median['empty']:7.2f} ms")
        print(f"  with our hook       {median['ours']:7.2f} ms  ({median['ours'] / median['none']:.2f} times)")
        print(f"the hook adds         {added:7.2f} ms  (target: at most {TARGET_MILLISECONDS:g})")
        print(f"noted                 {noted} of {arguments.commits}")
    return 0 if noted == arguments.commits else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
