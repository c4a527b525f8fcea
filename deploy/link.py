"""Make this checkout's three commands available in a virtual environment.

Owns the replacement for `pip install --editable .`, which would fetch a build backend: a .pth file and three launchers.
Refuses everything else; an installed wheel does not need it.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

COMMANDS = {"aa-console": "console.cli", "aa-engine": "engine.cli", "aa-hooks": "hooks.cli"}


def main() -> None:
    """`link.py VENV`, run by that environment's own Python."""
    checkout = Path(__file__).resolve().parent.parent
    environment = Path(sys.argv[1]).absolute()
    (Path(sysconfig.get_paths()["purelib"]) / "agent_analytics.pth").write_text(f"{checkout}\n", encoding="utf-8")
    for command, module in COMMANDS.items():
        launcher = environment / "bin" / command
        # A shell launcher, because an interpreter line breaks on a path with a space in it.
        statement = f"from {module} import main; raise SystemExit(main())"
        launcher.write_text(f'#!/bin/sh\nexec "{environment}/bin/python" -c "{statement}" "$@"\n', encoding="utf-8")
        launcher.chmod(0o755)


if __name__ == "__main__":
    main()
