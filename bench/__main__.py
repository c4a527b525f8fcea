"""`python -m bench [NAME… [FLAGS]]`: run all benchmarks, or those named; flags go to each of them.

Owns only the list, which is the folder itself.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import sys
from pathlib import Path


def main() -> int:
    """Run them one after the other, so that they do not disturb each other."""
    known = sorted(
        module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name[0] != "_"
    )
    words = sys.argv[1:]
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    flags, wanted = words[len(names) :], names or known
    for name in wanted:
        if name not in known:
            print(f"bench: no benchmark {name}; there are {', '.join(known)}", file=sys.stderr)
            return 2
    for name in wanted:
        print(f"== {name}", flush=True)
        main_of = importlib.import_module(f"bench.{name}").main
        main_of(flags) if flags else main_of()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
