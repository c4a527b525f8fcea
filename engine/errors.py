"""The error tree of the engine.

Owns what an error is: a stable code, one sentence, and what to do about it. Errors are raised where the fact is
known and shown once, at the edge (command line, HTTP). Refuses logging, formatting for a terminal, and retrying.

    EngineError                the work failed (exit 1)
    ├── UsageError             wrong flags, names or values (exit 2)
    ├── ConfigurationError     a configuration file or variable is wrong (exit 2)
    ├── InUseError             a port, file or data directory belongs to somebody else (exit 1)
    ├── UnreachableError       an engine or a remote service does not answer (exit 1)
    ├── StorageError           the disk or the database refuses (exit 1)
    └── ModelError             a model, test or project of SQL models is wrong (exit 1)
"""

from __future__ import annotations


class EngineError(Exception):
    """The work failed. `sentence` says what and where, `hint` what to do; neither ends with a period."""

    code = "engine_error"
    exit_code = 1

    def __init__(self, sentence: str, *, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def line(self) -> str:
        """One line for a person: `what, where: hint`."""
        text = self.sentence if self.hint is None else f"{self.sentence}; {self.hint}"
        return " ".join(text.split())


class UsageError(EngineError):
    """Wrong flags, names or values on a command line or in a request."""

    code = "usage"
    exit_code = 2


class ConfigurationError(EngineError):
    """A configuration file or environment variable holds something that is not allowed there."""

    code = "configuration"
    exit_code = 2


class InUseError(EngineError):
    """A port, a file or a data directory is held by somebody else."""

    code = "in_use"


class UnreachableError(EngineError):
    """An engine or a remote service does not answer."""

    code = "unreachable"


class StorageError(EngineError):
    """The disk or the database refuses."""

    code = "storage"


class ModelError(EngineError):
    """A model, a test or a project of SQL models is wrong."""

    code = "model"
