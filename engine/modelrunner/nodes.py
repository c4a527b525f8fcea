"""The things a project consists of, as values.

Owns the frozen records that parsing produces and everything else reads: nodes (models, seeds, tests, snapshots, hooks),
sources, exposures, and their configuration. Refuses to know files, Jinja or a database. Names follow dbt's manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Configuration that accumulates over dbt_project.yml, property files and the file's own config(), as dbt does it.
APPENDED = frozenset({"tags", "pre-hook", "post-hook", "packages", "classes"})
UPDATED = frozenset({"meta", "quoting", "column_types", "persist_docs", "docs", "contract", "grants"})


class Config(Mapping[str, Any]):
    """The configuration of one node: an open mapping (dbt allows any key), typed where the runner reads it."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def enabled(self) -> bool:
        return bool(self._values.get("enabled", True))

    @property
    def materialized(self) -> str:
        return str(self._values.get("materialized", "view"))

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self._values.get("tags") or ())

    @property
    def meta(self) -> Mapping[str, Any]:
        return dict(self._values.get("meta") or {})

    @property
    def live(self) -> Mapping[str, Any]:
        """What the node says under `meta: {aa: …}`; real dbt ignores it."""
        found = self.meta.get("aa")
        return dict(found) if isinstance(found, Mapping) else {}

    @property
    def unique_key(self) -> tuple[str, ...]:
        value = self._values.get("unique_key")
        if value is None:
            return ()
        return (value,) if isinstance(value, str) else tuple(value)

    def hooks(self, key: str) -> tuple[Hook, ...]:
        """`pre-hook` or `post-hook`."""
        return tuple(value if isinstance(value, Hook) else Hook.read(value) for value in self._values.get(key) or ())


@dataclass(frozen=True, slots=True)
class Hook:
    """One statement before or after a node; outside the node's transaction when `transaction` is false."""

    sql: str
    transaction: bool = True

    @classmethod
    def read(cls, value: Any) -> Hook:
        """A string, or a mapping with `sql` and `transaction`."""
        if isinstance(value, Mapping):
            return cls(str(value.get("sql", "")), bool(value.get("transaction", True)))
        text = str(value)
        if text.lstrip().startswith("{") and '"sql"' in text:
            # What before_begin() and after_commit() make of a statement.
            try:
                told = json.loads(text)
            except ValueError:
                return cls(text)
            if isinstance(told, Mapping) and "sql" in told:
                return cls(str(told["sql"]), bool(told.get("transaction", True)))
        return cls(text)

    def for_templates(self, place: int = 0) -> dict[str, Any]:
        """The hook as materializations of a project see it."""
        return {"sql": self.sql, "transaction": self.transaction, "index": place}


@dataclass(frozen=True, slots=True)
class ColumnProperties:
    """A column as a property file describes it."""

    name: str
    description: str = ""
    data_type: str | None = None
    quote: bool = False
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    constraints: tuple[Mapping[str, Any], ...] = ()
    doc_blocks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TestDetails:
    """What makes a node a generic test: the macro, its arguments, what it is attached to.

    `file_key` is the list and the name under which the property file has it (`models.orders`).
    """

    name: str
    namespace: str | None
    arguments: Mapping[str, Any]
    column_name: str | None
    attached: str | None
    file_key: str | None = None


@dataclass(frozen=True, slots=True)
class Fixture:
    """Rows of a unit test: where they stand in for (`ref('a')`, `this`; `expect`), and values by column or SQL.

    `format` (dict, csv, sql) is how they were written, `file` the fixture file's name when they have one.
    """

    source: str
    rows: tuple[Mapping[str, Any], ...] = ()
    sql: str | None = None
    format: str = "dict"
    file: str | None = None


@dataclass(frozen=True, slots=True)
class UnitDetails:
    """What makes a node a unit test: the model, what goes in, what should come out, and what is overridden."""

    model: str
    given: tuple[Fixture, ...]
    expect: Fixture
    macros: Mapping[str, Any]
    variables: Mapping[str, Any]
    environment: Mapping[str, Any]
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A model, seed, test, snapshot, analysis or hook after parsing.

    `path` is relative to its folder kind (`staging/a.sql`), `original_path` to the project (`models/staging/a.sql`);
    `depends_on` holds unique ids, `macros` the unique ids of macros it calls; `unrendered` is the configuration as
    written, which `state:modified` compares so that variables and targets change nothing.
    """

    unique_id: str
    resource_type: str
    name: str
    package: str
    path: str
    original_path: str
    root: Path
    fqn: tuple[str, ...]
    raw_code: str
    checksum: str
    database: str
    schema: str
    alias: str
    config: Config
    description: str = ""
    columns: tuple[ColumnProperties, ...] = ()
    constraints: tuple[Mapping[str, Any], ...] = ()
    patch_path: str | None = None
    refs: tuple[tuple[str | None, str], ...] = ()
    source_refs: tuple[tuple[str, str], ...] = ()
    depends_on: tuple[str, ...] = ()
    macros: tuple[str, ...] = ()
    test: TestDetails | None = None
    unit: UnitDetails | None = None
    unrendered: Mapping[str, Any] = field(default_factory=dict)
    doc_blocks: tuple[str, ...] = ()
    extra_tags: tuple[str, ...] = ()
    """Tags that are no configuration: those of the column or the source a test stands under."""
    inherited_group: str | None = None
    """The group of the member that a test is attached to."""
    line: int = 1

    @property
    def group(self) -> str | None:
        return self.inherited_group or self.config.get("group")

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.extra_tags, *self.config.tags)))

    @property
    def is_relational(self) -> bool:
        """Whether the node leaves something in the database that others can select from."""
        return self.resource_type in ("model", "seed", "snapshot") and self.config.materialized != "ephemeral"

    @property
    def relation_name(self) -> str | None:
        return self.kept_name if self.is_relational else None

    @property
    def kept_name(self) -> str:
        """The relation of the node's database, schema and alias; a test has one only if it keeps its failures."""
        return ".".join(quoted(part) for part in (self.database, self.schema, self.alias))


@dataclass(frozen=True, slots=True)
class Source:
    """One table that somebody else fills; `live` is its `meta.aa`."""

    unique_id: str
    source_name: str
    name: str
    package: str
    original_path: str
    fqn: tuple[str, ...]
    database: str
    schema: str
    identifier: str
    config: Config
    description: str = ""
    source_description: str = ""
    columns: tuple[ColumnProperties, ...] = ()
    loaded_at_field: str | None = None
    loaded_at_query: str | None = None
    freshness: Mapping[str, Any] | None = None
    loader: str = ""
    doc_blocks: tuple[str, ...] = ()
    quoting: Mapping[str, Any] = field(default_factory=dict)
    external: Mapping[str, Any] | None = None
    source_meta: Mapping[str, Any] = field(default_factory=dict)
    unrendered: Mapping[str, Any] = field(default_factory=dict)
    unrendered_database: str | None = None
    unrendered_schema: str | None = None
    line: int = 1
    resource_type: str = "source"
    depends_on: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return self.original_path

    @property
    def patch_path(self) -> str | None:
        return None

    @property
    def tags(self) -> tuple[str, ...]:
        return self.config.tags

    @property
    def relation_name(self) -> str:
        return ".".join(quoted(part) for part in (self.database, self.schema, self.identifier))


@dataclass(frozen=True, slots=True)
class Exposure:
    """Something downstream of the project: a dashboard, an application."""

    unique_id: str
    name: str
    package: str
    original_path: str
    fqn: tuple[str, ...]
    kind: str
    config: Config
    owner: Mapping[str, Any]
    description: str = ""
    label: str | None = None
    maturity: str | None = None
    url: str | None = None
    depends_on: tuple[str, ...] = ()
    refs: tuple[tuple[str | None, str], ...] = ()
    source_refs: tuple[tuple[str, str], ...] = ()
    unrendered: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    line: int = 1
    resource_type: str = "exposure"

    @property
    def patch_path(self) -> str | None:
        return None

    @property
    def tags(self) -> tuple[str, ...]:
        return self.config.tags


Member = Node | Source | Exposure


def quoted(identifier: str) -> str:
    """An SQL identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def merged(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """`high` over `low`: tags and hooks add up, mappings such as meta update, everything else is replaced."""
    out = dict(low)
    for raw_key, value in high.items():
        key = {"pre_hook": "pre-hook", "post_hook": "post-hook"}.get(raw_key, raw_key)
        if key in APPENDED:
            old = list(out.get(key) or [])
            new = [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]
            out[key] = old + ([item for item in new if item not in old] if key == "tags" else new)
        elif key in UPDATED and isinstance(value, Mapping):
            out[key] = {**(out.get(key) or {}), **value}
        else:
            out[key] = value
    return out
