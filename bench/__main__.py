"""`python -m bench [NAME…]`: run all benchmarks, or those named. Owns only the list, which is the folder itself."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path


def main() -> int:
    """Run them one after the other, so that they do not disturb each other."""
    known = sorted(
        module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name[0] != "_"
    )
    wanted = sys.argv[1:] or known
    for name in wanted:
        if name not in known:
            print(f"bench: no benchmark {name}; there are {', '.join(known)}", file=sys.stderr)
            return 2
    for name in wanted:
        print(f"== {name}", flush=True)
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
