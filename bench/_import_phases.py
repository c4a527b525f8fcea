"""One first import, with the time and the processor time at which each of its phases ended.

`python -m bench._import_phases HISTORIES DATA_DIR`: does what `aa-engine import transcripts` does while no engine runs,
step by step, and prints JSON: for each phase the seconds since the start and the processor seconds used by then, here
and in the readers; peak memory of both in bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from pathlib import Path


def main() -> int:
    """Import everything below the first argument into the second."""
    begun = float(os.environ["AA_BENCH_STARTED"])
    marks: dict[str, list[float]] = {}

    def mark(name: str) -> None:
        mine, readers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        used = mine.ru_utime + mine.ru_stime + readers.ru_utime + readers.ru_stime
        marks[name] = [time.clock_gettime(time.CLOCK_MONOTONIC) - begun, used]

    from engine import settings as engine_settings
    from engine.ingest.transcripts import find, finish, import_histories, reading_ahead, roots_of
    from engine.store.hash_key import hash_key

    histories, data_dir = Path(sys.argv[1]), Path(sys.argv[2])
    settings = engine_settings.load(data_dir, None)
    environment = {"CLAUDE_CONFIG_DIR": str(histories / "claude"), "CODEX_HOME": str(histories / "codex")}
    roots = roots_of(settings, (), environment=environment, home=data_dir)
    files = find(roots)
    data_dir.mkdir(exist_ok=True)
    key = hash_key(settings)
    with contextlib.ExitStack() as stack:
        with reading_ahead(settings, "dev@example.org", files, hash_key=key) as crew:
            from engine.workspace import Workspace

            workspace = Workspace.open(settings, block_above=100_000)
            stack.callback(workspace.close)
            with workspace.path.applier.paused():
                summary = import_histories(
                    settings, workspace.path.recorder, "dev@example.org", roots, hash_key=key, files=files, crew=crew
                )
        mark("durable")
        workspace.path.flush(3600.0)
        mark("applied")
        workspace.publish_prices()
        workspace.name_models()
        models = workspace.resident()
        models.build()
        models.close()
        mark("models")
    finish(settings)
    mark("closed")
    kilobytes = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    told = {
        "requests": summary.requests,
        "rows": summary.rows,
        "bytes": summary.bytes_read,
        "files": summary.files_read,
    }
    print(json.dumps({"marks": marks, "memory": [1024 * size for size in kilobytes], **told}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
