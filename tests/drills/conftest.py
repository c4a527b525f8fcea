"""Which drills this machine can do."""

from __future__ import annotations

import subprocess
import tempfile


def _may_mount() -> bool:
    """A small filesystem needs root, and in a container more than that."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
            if subprocess.run(mount, capture_output=True, timeout=30, check=False).returncode:
                return False
            subprocess.run(["umount", folder], capture_output=True, timeout=30, check=False)
        except OSError:
            return False
    return True


# Elsewhere a file size limit stands for the full disk: `without_room` in test_processes.py.
collect_ignore = [] if _may_mount() else ["test_disk.py"]
