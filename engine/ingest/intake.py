"""What the HTTP and the gRPC front end have in common.

Owns the way from a body to durable rows: the sender's context, decoding, recording, and a dead letter (never with
content) for what was refused. Refuses transport: it knows no status codes of HTTP or gRPC.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from engine.access.identity import local_developer
from engine.access.principal import Principal
from engine.clock import Clock, SystemClock
from engine.ingest import otlp, submissions
from engine.ingest.otlp import Decoded, Encoding, SenderContext, Signal
from engine.ingest.queues import Shares
from engine.ingest.recorder import JournalRecorder
from engine.ingest.submission_parts import Sender
from engine.ingest.submissions import Submission
from engine.settings import Settings
from engine.store.rows import RawRows

MOST_WAITING_ROWS = 200_000
"""So many rows of all senders may be on their way to the disk; who has more than a share is asked to come again."""
MOST_REQUESTS = 2_048
"""The same for requests under way: being read, decoded, or waiting for the disk."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a workspace says about taking data in. `hash_key` keys the hashes of tool arguments."""

    max_body_bytes: int
    local_developer: str
    hash_key: bytes
    include_prompts: bool = False
    commit_messages: str = "full"

    @classmethod
    def of(cls, settings: Settings, hash_key: bytes) -> Policy:
        """What the settings say, on this machine."""
        return cls(
            max_body_bytes=settings["ingest.max_body_bytes"],
            local_developer=local_developer(),
            hash_key=hash_key,
            include_prompts=settings["include_prompts"],
            commit_messages=settings["git.commit_messages"],
        )


class Intake:
    """One workspace's intake. Safe from any thread."""

    def __init__(self, recorder: JournalRecorder, policy: Policy, clock: Clock | None = None) -> None:
        self._recorder = recorder
        self._clock = clock or SystemClock()
        self.policy = policy
        self._shares = Shares(MOST_REQUESTS, MOST_WAITING_ROWS)
        self._lock = threading.Lock()

    def admits(self, sender: str) -> bool:
        """False when this sender has more than its share under way and, being able to wait, should."""
        with self._lock:
            admitted = self._shares.admits(sender)
            self._recorder.refused_requests = self._shares.refused
        return admitted

    def enter(self, sender: str) -> None:
        """A request of this sender is under way, until `leave`."""
        with self._lock:
            self._shares.enter(sender)

    def leave(self, sender: str) -> None:
        """It is answered."""
        with self._lock:
            self._shares.leave(sender)

    def decode(
        self, signal: Signal, body: bytes, encoding: Encoding, principal: Principal, developer_hint: str | None
    ) -> Decoded:
        """Decode an OTLP request. Raises MalformedPayload. CPU only."""
        local = principal.local and principal.key_id is None
        context = SenderContext(
            developer_id=principal.developer_id,
            developer_hint=developer_hint,
            local_developer=self.policy.local_developer if local else None,
            include_prompts=self.policy.include_prompts,
            hash_key=self.policy.hash_key,
        )
        return otlp.decode(signal, body, encoding=encoding, received_at=self._clock.now(), context=context)

    def submit(
        self, kind: str, body: bytes, principal: Principal, developer_hint: str | None, project: str | None
    ) -> Submission:
        """Read a posted JSON document. Raises WrongSubmission. CPU only."""
        local = principal.local and principal.key_id is None
        sender = Sender(
            developer_id=principal.developer_id,
            developer_hint=developer_hint,
            local_developer=self.policy.local_developer if local else None,
            local=local,
            project=project,
            projects=principal.projects,
            include_prompts=self.policy.include_prompts,
            commit_messages=self.policy.commit_messages,
        )
        return submissions.read(kind, body, sender, self._clock.now())

    def record(self, rows: RawRows, sender: str = "") -> Future[None]:
        """Resolves when durable; StorageError when the disk refuses, ValueError for rows no table can hold."""
        return self._counted(sender, rows.total(), lambda: self._recorder.record(rows, sender))

    def record_framed(self, payload: bytes, count: int, sender: str = "") -> Future[None]:
        """The same for framed rows that were checked."""
        return self._counted(sender, count, lambda: self._recorder.record_framed(payload, count, sender))

    def _counted(self, sender: str, rows: int, record: Callable[[], Future[None]]) -> Future[None]:
        """Rows count to their sender's share until they are on disk."""
        with self._lock:
            self._shares.enter(sender, 0, rows)
        future = record()
        future.add_done_callback(lambda _: self._left(sender, rows))
        return future

    def _left(self, sender: str, rows: int) -> None:
        with self._lock:
            self._shares.leave(sender, 0, rows)

    def dead_letter(
        self, signal: str, reason: str, principal: Principal | None, body_bytes: int | None, records: int | None = None
    ) -> Future[None]:
        """Note that something was refused: why, by whose key, how much. Never what."""
        rows = RawRows()
        rows.append(
            "dead_letters",
            {
                "dedup_key": uuid.uuid4().hex,
                "signal": signal,
                "reason": reason[:300],
                "key_id": None if principal is None else principal.key_id,
                "body_bytes": body_bytes,
                "records": records,
            },
        )
        return self._recorder.record(rows)
