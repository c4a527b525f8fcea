"""Reading a repository's history, against `git log --numstat` itself.

Makes a repository of many commits with `git fast-import`, lets git print its history, then reads the same history into
rows of the raw tables; prints commits a second and the ratio. Run: python bench/repository_scan.py [--commits N]
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.repos.repository import inspect
from engine.repos.scan import new_rows


def history(commits: int) -> Iterator[bytes]:
    """A stream for `git fast-import`: three changed files a commit, every fifth with a co-author."""
    chance = random.Random(1)
    for number in range(commits):
        trailer = "\nCo-Authored-By: Claude Opus 5 <noreply@anthropic.com>\n" if number % 5 == 0 else ""
        message = f"Change number {number}\n\nWhy it was done\n{trailer}".encode()
        when = 1_700_000_000 + number * 60
        yield b"commit refs/heads/main\nauthor Ada <ada@example.com> %d +0200\n" % when
        yield b"committer Ada <ada@example.com> %d +0200\ndata %d\n%s\n" % (when, len(message), message)
        for _ in range(3):
            body = "\n".join(f"line {chance.randrange(1000)}" for _ in range(30)).encode()
            name = f"src/d{chance.randrange(200)}/f{chance.randrange(50)}.py".encode()
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (name, len(body), body)


def main(words: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=20_000)
    arguments = parser.parse_args(words or [])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
        importer = subprocess.Popen(["git", "-C", str(folder), "fast-import", "--quiet"], stdin=subprocess.PIPE)
        assert importer.stdin is not None
        for part in history(arguments.commits):
            importer.stdin.write(part)
        importer.stdin.close()
        importer.wait()
        start = time.perf_counter()
        with Path("/dev/null").open("wb") as nowhere:
            git = ["git", "-C", str(folder), "log", "--all", "--numstat", "--format=%H%n%an%n%B"]
            subprocess.run(git, check=True, stdout=nowhere)
        alone = time.perf_counter() - start
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        read = sum(batch.commits for batch in new_rows(inspect(folder), None, source="backfill", messages="full"))
        ours = time.perf_counter() - start
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"history {read / ours:>9,.0f} commits/s, baseline (git log --numstat) {read / alone:>8,.0f}: "
        f"{ours / alone:.2f} times its time ({read} commits, memory grew by {grown:.0f} MB)"
    )
    return 0 if read == arguments.commits else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
