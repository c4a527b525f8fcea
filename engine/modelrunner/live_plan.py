"""What a live refresh would do, worked out once.

Owns the plan: for every source how its new rows are found and which keys they touch, for every model the SQL that
brings it up to date for touched keys, for every gate test the question restricted to them. Refuses to run anything;
a plan is made after each full build, so a refresh renders no Jinja.

What `meta: {aa: …}` means here (real dbt ignores it)
    a source   `touches: {set: expression}`   keys that its new rows touch. A source without `touches` changes every
               incremental model that reads it (directly or through views): that model is rebuilt whole. `touches: {}`
               says that new rows alone touch nothing. `times: [expression, …]`   when such a row happened: every
               table then knows between which times the rows of a key lie, and need not be read beyond them.
    a model    `touched_by: set`, `key: expression`   its rows are replaced per key; `touches: {set: expression}` are
               keys that rows going or coming touch further down. `time: column`   never NULL and always between the
               times of the source rows of its key: deleting a key's rows reads no others. `times_of: set`   a larger
               set whose times these are, when its own has none. `within: condition`   what the rows of touched keys
               meet besides, over plain columns: deleting them reads no other row groups.
    a project  macro `touched_more__<model>()`   SQL giving (set, key), asked just before the model. There may be
               several, `touched_more__<model>__<anything>()`: each is asked when one of the sets it reads has keys.
    a test     `gate: true`   it runs inside the transaction, and a failure undoes the refresh.

While a refresh runs, the variable `aa_batches` holds its batches (a struct: those after `after`, up to `upto`), and
`aa_window_<set>` the times of a set, a struct of four instants: the rows of its touched keys lie between `low` and
`high`, and none between `before` and `after` (the largest silence among them). Folded while planning, they let DuckDB
skip the row groups of other batches and times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from engine.modelrunner import materialize, tests
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Config, Node, quoted
from engine.modelrunner.problems import NodeProblem, ParseProblem
from engine.modelrunner.project import Project

TOUCHED = "aa_touched_"
WINDOW = "aa_window_"
_SET = re.compile(r"\baa_touched_([a-z_][a-z0-9_]*)\b")
_WINDOW = re.compile(r"\baa_window_([a-z_][a-z0-9_]*)\b")
_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
Kind = Literal["view", "table", "keyed", "plain"]


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A source whose rows carry batch_id. `touches` is None when the source does not say what it touches."""

    unique_id: str
    relation: str
    touches: Mapping[str, str] | None
    times: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class More:
    """A question for further keys; asked when one of `sets` has keys, or always when it names none."""

    sql: str
    sets: frozenset[str]
    windows: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """One model. `sql` selects the rows of touched keys (keyed) or all rows (table); `whole` always all rows."""

    node: Node
    kind: Kind
    parents: tuple[str, ...]
    target: str
    sql: str = ""
    whole: str = ""
    touched_by: str = ""
    key: str = ""
    touches: Mapping[str, str] | None = None
    more: tuple[More, ...] = ()
    reads_untold: frozenset[str] = frozenset()
    time: str = ""
    times_of: str = ""
    windows: frozenset[str] = frozenset()
    within: str = ""

    def rows(self, *, whole: bool) -> str:
        """The rows to replace, as what follows `select …` or `delete`: all, or those of touched keys."""
        if whole:
            return f"from {self.target}"
        within = f"{self.within} and " if self.within else ""
        return f"from {self.target} where {within}{touched(self.touched_by, self.key, self.time, self.times_of)}"


@dataclass(frozen=True, slots=True)
class Gate:
    """A test that must hold after a refresh; asked when one of `models` ran."""

    node: Node
    sql: str
    models: frozenset[str]
    windows: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a refresh needs."""

    sets: tuple[str, ...]
    sources: tuple[LiveSource, ...]
    steps: tuple[Step, ...]
    gates: tuple[Gate, ...]

    def timed(self) -> frozenset[str]:
        """The sets whose times somebody reads."""
        readers: tuple[Step | Gate | More, ...] = (*self.steps, *self.gates)
        more = [more for step in self.steps for more in step.more]
        return frozenset(name for reader in (*readers, *more) for name in reader.windows)

    def arrivals(self, old: int, new: int) -> str:
        """One query: (source, number of its rows in the batches from `old` exclusive to `new` inclusive)."""
        return "\nunion all\n".join(
            f"select '{source.unique_id}', count(*) from {source.relation} where {_between(old, new)}"
            for source in self.sources
        )

    def keys_of(self, name: str, arrived: frozenset[str], old: int, new: int) -> str | None:
        """The query for (key, first time, last time) of one set that new rows of the arrived sources touch, or None.

        Times are microseconds since the epoch, NULL where a source has none.
        """
        parts = self._parts(name, arrived, _between(old, new))
        return _by_key(parts) if parts else None

    def times_of(self, name: str) -> str | None:
        """The query for the same of all rows there are, or None for a set without times."""
        parts = self._parts(name, frozenset(source.unique_id for source in self.sources if source.times), "true")
        return _by_key(parts) if parts else None

    def _parts(self, name: str, of: frozenset[str], where: str) -> list[str]:
        return [
            f"select cast({source.touches[name]} as varchar) as key, {_extreme('least', 'min', source.times)} as low,"
            f" {_extreme('greatest', 'max', source.times)} as high from {source.relation} where {where} group by 1"
            for source in self.sources
            if source.unique_id in of and source.touches and name in source.touches
        ]


def _between(old: int, new: int) -> str:
    """The condition for the rows of some batches: in figures, because only those let DuckDB skip row groups."""
    return f"batch_id > {old:d} and batch_id <= {new:d}"


def _extreme(scalar: str, aggregate: str, times: tuple[str, ...]) -> str:
    """The lowest or highest of a source's times, in microseconds since the epoch."""
    if not times:
        return "cast(null as bigint)"
    one = times[0] if len(times) == 1 else f"{scalar}({', '.join(times)})"
    return f"{aggregate}(epoch_us(cast({one} as timestamptz)))"


def _by_key(parts: list[str]) -> str:
    union = "\nunion all\n".join(parts)
    return f"select key, min(low), max(high) from (\n{union}\n) where key is not null group by key"


def touched(name: str, expression: str, time: str = "", times_of: str = "") -> str:
    """The condition for rows of touched keys; with a time, for those between the times of their or a larger set."""
    condition = f"{expression} in (select key from {TOUCHED}{name})"
    if not time:
        return condition
    window = f"getvariable('{WINDOW}{times_of or name}')"
    return (
        f"{condition} and {time} between {window}.low and {window}.high"
        f" and ({time} <= {window}.before or {time} >= {window}.after)"
    )


def gates(project: Project) -> list[Node]:
    """The tests that a project wants inside the transaction."""
    return [node for node in project.nodes.values() if node.resource_type == "test" and node.config.live.get("gate")]


def make(project: Project, connection: Connection) -> Plan:
    """The plan of a project whose tables exist. ParseProblem when the `meta.aa` of a node is wrong."""
    narrow = Compiler(project, connection, incremental=_is_incremental, overrides={"aa_touched": True})
    whole = Compiler(project, connection)
    sources = _sources(project, connection)
    untold = {source.unique_id for source in sources if source.touches is None}
    steps: list[Step] = []
    through: dict[str, frozenset[str]] = {}
    for uid in project.graph.order():
        node = project.nodes.get(uid)
        if node is None or node.resource_type != "model":
            continue
        reads = frozenset(
            source
            for parent in node.depends_on
            for source in ({parent} & untold if parent in project.sources else through.get(parent, frozenset()))
        )
        step = _step(project, node, narrow, whole, reads)
        # Only views and ephemeral models pass a source's change on unseen; tables are rebuilt and tell of it.
        through[uid] = reads if step.kind == "view" else frozenset()
        steps.append(step)
    asked = [_gate(project, node, narrow) for node in gates(project)]
    found = [gate for gate in asked if gate is not None]
    names = {name for source in sources for name in source.touches or {}}
    for step in steps:
        names |= {step.touched_by} - {""}
        names |= set(step.touches or {})
        names |= set(_SET.findall(step.sql)).union(*(more.sets for more in step.more))
    return Plan(tuple(sorted(names)), tuple(sources), tuple(steps), tuple(found))


def _is_incremental(node: Node) -> bool:
    return node.resource_type == "model" and node.config.materialized == "incremental"


def _sources(project: Project, connection: Connection) -> list[LiveSource]:
    needed = project.graph.ancestors([uid for uid, node in project.nodes.items() if node.resource_type == "model"])
    with_batches = {
        (schema, table)
        for schema, table in connection.execute(
            "select lower(schema_name), lower(table_name) from duckdb_columns()"
            " where lower(column_name) = 'batch_id' and database_name = current_database()"
        ).fetchall()
    }
    found = []
    for uid, source in project.sources.items():
        if uid not in needed or (source.schema.lower(), source.identifier.lower()) not in with_batches:
            continue
        touches = source.config.live.get("touches")
        where = f"{source.original_path}:{source.line}"
        times = source.config.live.get("times") or ()
        found.append(
            LiveSource(
                uid,
                source.relation_name,
                None if touches is None else _expressions(touches, where),
                (times,) if isinstance(times, str) else tuple(str(time) for time in times),
            )
        )
    return found


def _expressions(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ParseProblem(
            f"meta.aa.touches must be a mapping, not {value!r}", where=where, hint="write {set: expression}"
        )
    for name in value:
        if not _NAME.match(str(name)):
            raise ParseProblem(f"'{name}' cannot name a set of keys", where=where, hint="use a-z, 0-9 and _")
    return {str(name): str(expression) for name, expression in value.items()}


def _step(project: Project, node: Node, narrow: Compiler, whole: Compiler, reads: frozenset[str]) -> Step:
    target = str(materialize.target_of(node))
    live = node.config.live
    where = f"{node.original_path}:{node.line}"
    match node.config.materialized:
        case "table":
            sql = whole.compile(node).sql
            return Step(node, "table", node.depends_on, target, sql, sql)
        case "incremental" if live.get("touched_by"):
            name, key = str(live["touched_by"]), live.get("key")
            if not _NAME.match(name):
                raise ParseProblem(f"'{name}' cannot name a set of keys", where=where, hint="use a-z, 0-9 and _")
            if not isinstance(key, str):
                raise ParseProblem("meta.aa has touched_by but no key", where=where, hint="add key: an SQL expression")
            sql, time = narrow.compile(node).sql, str(live.get("time") or "")
            times_of = str(live.get("times_of") or name)
            return Step(
                node,
                "keyed",
                node.depends_on,
                target,
                sql,
                whole.compile(node).sql,
                name,
                key,
                _expressions(live.get("touches") or {}, where),
                _more(project, node, narrow),
                reads,
                time,
                times_of,
                frozenset(_WINDOW.findall(sql)) | ({times_of} if time else frozenset()),
                str(live.get("within") or ""),
            )
        case "incremental":
            return Step(node, "plain", node.depends_on, target, narrow.compile(node).sql, whole.compile(node).sql)
    return Step(node, "view", node.depends_on, target)


def _more(project: Project, node: Node, compiler: Compiler) -> tuple[More, ...]:
    name = f"touched_more__{node.name}"
    known = project.macros.by_package
    names = {macro for package in (node.package, project.name) for macro in known.get(package, {})}
    found = []
    for macro in sorted(names):
        if macro == name or macro.startswith(f"{name}__"):
            sql = compiler.compile_text(f"{{{{ {macro}() }}}}", macro).sql.strip()
            if sql:
                found.append(More(sql, frozenset(_SET.findall(sql)), frozenset(_WINDOW.findall(sql))))
    return tuple(found)


def _gate(project: Project, node: Node, compiler: Compiler) -> Gate | None:
    """A generic test of a keyed model looks at touched keys only; a singular test must say so itself by touched()."""
    models = frozenset(uid for uid in node.depends_on if uid in project.nodes)
    if node.test is None:
        sql = compiler.compile(node).sql
        windows = frozenset(_WINDOW.findall(sql))
        return Gate(node, tests.question(node, sql), models, windows) if _SET.search(sql) else None
    attached = project.nodes.get(node.test.attached or "")
    live = attached.config.live if attached is not None else {}
    if not live.get("touched_by") or not isinstance(live.get("key"), str):
        return None
    narrowed = touched(live["touched_by"], live["key"], str(live.get("time") or ""), str(live.get("times_of") or ""))
    own = node.config.get("where")
    condition = f"({own}) and {narrowed}" if own else narrowed
    restricted = replace(node, config=Config({**node.config, "where": condition}))
    try:
        sql = compiler.compile(restricted).sql
    except NodeProblem as problem:
        raise ParseProblem(problem.sentence, hint=problem.hint) from problem
    windows = frozenset(_WINDOW.findall(sql))
    return Gate(node, tests.question(node, sql), frozenset({attached.unique_id}) if attached else models, windows)


def tellings(touches: Mapping[str, str]) -> str:
    """The columns that tell which keys a row touches, in the order of the sets."""
    return ", ".join(f"cast({expression} as varchar)" for expression in touches.values())


def insert(step: Step, sql: str) -> str:
    """Adds the rows of a query to a model, column by column name."""
    return f"insert into {step.target} by name\nselect * from (\n{sql}\n) as {quoted('aa_rows')}"
