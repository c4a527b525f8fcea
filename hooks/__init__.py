"""What runs on developers' machines: notes commits and sessions, and delivers them in the background.

Owns the spool, its delivery, and setting a machine up (and back). Refuses to import anything of the engine or the
console, to need more than the standard library on the path of a commit, and ever to fail or delay a commit.
"""

__version__ = "0.1.0"
