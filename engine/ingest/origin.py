"""Where a group of points, records or spans comes from: sender, resource and scope.

Owns the recognition of the agent, the developer by precedence (key, e-mail, header, local user), the stored form of
the resource and the caches that hang on them. Refuses to grow: all caches together are bounded and are forgotten
together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.agents import casts, registry
from engine.agents.declaration import Agent
from engine.ingest import anyvalue, privacy
from engine.ingest.attributes import AttributeReader, Row
from engine.ingest.lean import lean
from engine.ingest.payloads import SenderContext, Signal
from engine.ingest.privacy import Fate
from engine.store.rows import RawRows

_Resource = lean("Resource")
_Scope = lean("Scope")

CACHE_BYTES = 32 * 1024 * 1024
"""Rough size at which everything remembered is forgotten."""
ORIGIN_BYTES = 4_096
"""Rough size of one origin, beside what it was made from."""


def content_hash(*parts: bytes) -> bytes:
    """16 bytes that identify the parts and their borders."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def joined(encoded: Iterable[bytes]) -> bytes:
    """Encoded attributes in an order that does not depend on the sender's."""
    return b"".join(sorted(encoded))


def _developer(name: str | None) -> str | None:
    """A developer as somebody else than the key says it: e-mail addresses in lower case, so that they meet."""
    return casts.email(name) or casts.text((name or "").strip())


@dataclass(slots=True)
class Origin:
    """Everything that is equal for all records of one resource and scope of one sender.

    `key`: hash of the resource's attributes (all of them, dropped ones too) and the scope's name. `template`: a row
    with every column; `fixed_developer`: the developer does not depend on the record. `developer`: who it is when the
    record names no e-mail. `resource_row`: the row of raw.resources. `points`: for metrics, finished rows by series.
    """

    agent: Agent
    context: SenderContext
    key: bytes
    template: Row
    width: int
    fixed_developer: bool
    developer: str | None
    reader: AttributeReader
    resource_row: dict[str, Any]
    resource_drops: tuple[str, ...]
    series: dict[tuple[object, ...], dict[tuple[bytes, ...], Any]] = field(default_factory=dict)


class Origins:
    """The origins of one signal, remembered by (context, resource, scope) as sent. Safe in threads: entries only."""

    def __init__(self, signal: Signal, columns: tuple[str, ...]) -> None:
        self.signal: Signal = signal
        self.columns = columns
        self._known: dict[tuple[SenderContext, bytes, bytes], Origin] = {}
        self._readers: dict[str, AttributeReader] = {}
        self._bytes = 0

    def spend(self, size: int) -> None:
        """Account for `size` bytes that were remembered; forget everything when it is too much."""
        self._bytes += size
        if self._bytes > CACHE_BYTES:
            self._known = {}
            self._bytes = 0

    def get(self, context: SenderContext, resource: bytes, scope: bytes) -> Origin:
        """The origin of these encoded messages. Raises protobuf's DecodeError for damaged ones."""
        key = (context, resource, scope)
        origin = self._known.get(key)
        if origin is None:
            origin = self._make(context, resource, scope)
            self.spend(ORIGIN_BYTES + 2 * len(resource) + len(scope))
            self._known[key] = origin
        return origin

    def _make(self, context: SenderContext, resource: bytes, scope: bytes) -> Origin:
        encoded = list(_Resource.FromString(resource).attributes)
        scope_name: bytes = _Scope.FromString(scope).name
        typed: dict[str, Any] = {}
        kept: dict[str, Any] = {}
        drops: list[str] = []
        for item in encoded:
            name_bytes, value = anyvalue.key_value(item)
            name = anyvalue.text(name_bytes)
            verdict = privacy.resource_verdict(name)
            if verdict.fate is Fate.COLUMN:
                typed[verdict.column] = verdict.cast(value)
            elif context.include_prompts or (verdict.fate is Fate.KEEP and privacy.is_storable(value)):
                kept[name] = value
            else:
                drops.append(name)
        agent = registry.by_telemetry(typed.get("service_name"), anyvalue.text(scope_name))
        attributes = anyvalue.to_json(dict(sorted(kept.items()))) if kept else None
        stored = (typed.get("service_name") or "", typed.get("service_version") or "", attributes or "")
        resource_id = content_hash(*(part.encode("utf-8", "replace") for part in stored)).hex()
        fallback = _developer(context.developer_hint) or _developer(context.local_developer)
        developer = context.developer_id or typed.get("user_email") or fallback
        template: Row = dict.fromkeys(self.columns)
        template.update(typed)
        template["agent_type"] = agent.agent_type
        template["resource_id"] = resource_id
        template["developer_id"] = developer
        template[""] = None
        reader = self._readers.get(agent.agent_type)
        if reader is None:
            reader = self._readers[agent.agent_type] = AttributeReader(agent, self.signal)
        return Origin(
            agent=agent,
            context=context,
            key=content_hash(joined(encoded), scope_name),
            template=template,
            width=len(template),
            fixed_developer=context.developer_id is not None,
            developer=fallback,
            reader=reader,
            resource_row={
                "dedup_key": resource_id,
                "service_name": typed.get("service_name"),
                "service_version": typed.get("service_version"),
                "attributes": attributes,
            },
            resource_drops=tuple(drops),
        )


class Collector:
    """Gathers what the records of one request have in common: resources and dropped attribute names."""

    def __init__(self, signal: Signal, received_at: int) -> None:
        self.signal: Signal = signal
        self.received_at = received_at
        self._resources: dict[str, dict[str, Any]] = {}
        self._drops: dict[tuple[str, str], int] = {}
        self._seen: set[bytes] = set()

    def add(self, origin: Origin, drops: dict[str, int]) -> None:
        """Note an origin and the marked names that were dropped from its records."""
        agent_type = origin.agent.agent_type
        self._resources[origin.resource_row["dedup_key"]] = origin.resource_row
        if origin.context.include_prompts:
            return
        for marked, times in drops.items():
            pair = (agent_type, marked[1:])
            self._drops[pair] = self._drops.get(pair, 0) + times
        if origin.resource_drops and origin.key not in self._seen:
            self._seen.add(origin.key)
            for name in origin.resource_drops:
                self._drops[agent_type, name] = self._drops.get((agent_type, name), 0) + 1

    def finish(self, rows: RawRows, table: str) -> None:
        """Add the rows of raw.resources and raw.dropped_attributes, after those of `table`."""
        if self._resources:
            resources = list(self._resources.values())
            columns: dict[str, list[Any]] = {name: [row[name] for row in resources] for name in resources[0]}
            columns["received_at"] = [self.received_at] * len(resources)
            rows.extend("resources", columns)
        if self._drops:
            keys = rows.tables.get(table, {}).get("dedup_key", [])
            request_key = content_hash("".join(keys).encode()).hex()
            rows.extend(
                "dropped_attributes",
                privacy.dropped_columns(self.signal, self._drops, request_key, self.received_at),
            )
