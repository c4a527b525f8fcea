"""What was noted and not yet delivered, on disk, through any crash.

Owns the files of the spool: lines that hooks append (one write each), their claiming by rename, and the outbox of
finished payloads that are deleted only after somebody else has them. Refuses to build payloads and to use a network.

    spool/commits.log    lines of the git hook, tab-separated     } appended with O_APPEND, one write
    spool/events.jsonl   lines of `session` and `log-commit`      }
    spool/claimed/       line files under work, with the offset up to which they became payloads
    spool/outbox/        payloads, one file each: <seconds>-<digest>.<route>.json
    spool/refused/       payloads that the receiver will never take, with its reason
    spool/flushing       pid of the process that delivers; the hooks start no second one
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

LINE_FILES = ("commits.log", "events.jsonl")
MARKER = "flushing"
MOST_WAITING = 20_000
"""Payloads kept while nothing can be delivered, about 40 MB; beyond that the oldest go, and are counted."""
MOST_REFUSED = 200
LOCK_LOOK_SECONDS = 0.05
SETTLE_SECONDS = 60.0
"""A claimed file is kept this long: a hook that opened it before it was claimed may still write its line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One noted fact; `file` is the name of the file it was appended to."""

    file: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payload in the outbox."""

    path: Path
    route: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """How delivery went so far. Instants are Unix seconds."""

    delivered: int = 0
    refused: int = 0
    dropped: int = 0
    failures: int = 0
    last_attempt: float = 0.0
    next_attempt: float = 0.0
    last_delivery: float = 0.0
    last_error: str | None = None


class Spool:
    """The spool in one folder. Appending needs no lock; everything else happens inside `working`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, content: bytes, file: str = "events.jsonl") -> None:
        """Note one line (without its line feed). Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, content.replace(b"\n", b" ") + b"\n")
        finally:
            os.close(descriptor)

    @contextmanager
    def working(self, patience: float = 0.0) -> Iterator[bool]:
        """True for the one process that may deliver; False when another one is still at it after `patience` seconds."""
        with self.alone("lock", patience) as mine:
            if not mine:
                yield False
                return
            marker = self.folder / MARKER
            marker.write_text(f"{os.getpid()}\n")
            try:
                yield True
            finally:
                marker.unlink(missing_ok=True)

    @contextmanager
    def alone(self, name: str, patience: float = 0.0) -> Iterator[bool]:
        """Hold a lock of the spool; it ends with the process. False when somebody else holds it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        yield False
                        return
                    time.sleep(LOCK_LOOK_SECONDS)
            yield True
        finally:
            os.close(descriptor)

    def has_lines(self) -> bool:
        """Whether something was noted since the last claim."""
        return any((self.folder / name).exists() for name in LINE_FILES)

    def claim(self) -> None:
        """Take what was noted out of the hooks' way."""
        claimed = self.folder / "claimed"
        claimed.mkdir(exist_ok=True, mode=0o700)
        for name in LINE_FILES:
            target = claimed / f"{time.time_ns():020d}-{os.getpid()}-{name}"
            try:
                (self.folder / name).rename(target)
            except FileNotFoundError:
                continue

    def claimed(self) -> list[Path]:
        """Claimed files, oldest first."""
        folder = self.folder / "claimed"
        return sorted(path for path in folder.glob("*") if path.suffix != ".offset") if folder.is_dir() else []

    def lines(self, path: Path) -> tuple[list[Line], int]:
        """Whole lines of a claimed file that are not in the outbox yet, and the offset after them."""
        offset = self._offset(path)
        with path.open("rb") as stream:
            stream.seek(offset)
            content = stream.read()
        end = content.rfind(b"\n") + 1
        name = path.name.split("-", 2)[-1]
        return [Line(name, line) for line in content[:end].split(b"\n") if line.strip()], offset + end

    def done(self, path: Path, offset: int) -> None:
        """Everything up to `offset` is in the outbox; the file goes once no hook can still be writing to it."""
        mark = path.with_name(path.name + ".offset")
        try:
            claimed_at = int(path.name.split("-", 1)[0]) / 1e9
        except ValueError:
            claimed_at = 0.0
        if time.time() - claimed_at > SETTLE_SECONDS and path.stat().st_size <= offset:
            path.unlink()
            mark.unlink(missing_ok=True)
        elif self._offset(path) != offset:
            write_whole(mark, str(offset).encode())

    def store(self, identity: bytes, seconds: float, route: str, payload: bytes) -> None:
        """Put a payload into the outbox. The same identity again replaces it."""
        outbox = self.folder / "outbox"
        outbox.mkdir(exist_ok=True, mode=0o700)
        digest = hashlib.blake2b(route.encode() + b"\0" + identity, digest_size=12).hexdigest()
        for twin in outbox.glob(f"*-{digest}.*"):
            twin.unlink(missing_ok=True)
        write_whole(outbox / f"{int(max(seconds, 0)):012d}-{digest}.{route}.json", payload)

    def waiting(self) -> list[Waiting]:
        """The outbox, oldest first. Beyond its bound the oldest are dropped."""
        outbox = self.folder / "outbox"
        if not outbox.is_dir():
            return []
        names = sorted(name for name in os.listdir(outbox) if name.endswith(".json"))
        excess = len(names) - MOST_WAITING
        if excess > 0:
            for name in names[:excess]:
                (outbox / name).unlink(missing_ok=True)
            ledger = self.ledger()
            self.keep_ledger(_replace(ledger, dropped=ledger.dropped + excess))
            names = names[excess:]
        return [Waiting(outbox / name, name.split(".")[1]) for name in names]

    def refuse(self, identity: str, content: bytes, reason: str) -> None:
        """Keep what can never be delivered, with the reason, among the last few hundred."""
        folder = self.folder / "refused"
        folder.mkdir(exist_ok=True, mode=0o700)
        body = {"reason": reason, "at": int(time.time()), "content": content.decode("utf-8", "replace")}
        write_whole(folder / f"{identity}.json", json.dumps(body).encode())
        for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-MOST_REFUSED]:
            old.unlink(missing_ok=True)
        ledger = self.ledger()
        self.keep_ledger(_replace(ledger, refused=ledger.refused + 1))

    def ledger(self) -> Ledger:
        """How delivery went; zeros when nobody knows."""
        try:
            return Ledger(**json.loads((self.folder / "delivery.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return Ledger()

    def keep_ledger(self, ledger: Ledger) -> None:
        """Write the ledger down."""
        write_whole(self.folder / "delivery.json", json.dumps(asdict(ledger)).encode())

    def _offset(self, path: Path) -> int:
        try:
            return int(path.with_name(path.name + ".offset").read_bytes())
        except (OSError, ValueError):
            return 0


def _replace(ledger: Ledger, **changes: int) -> Ledger:
    return Ledger(**(asdict(ledger) | changes))


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file at once, durably. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
