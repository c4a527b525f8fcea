"""Following the columns of one query through its scopes.

Owns the walk: from a column of a scope to the projection that makes it, through unions, subqueries, table functions and
stars, down to the tables that are read; each column of a scope is followed once. Refuses to parse: lineage_sql.py gives
it scopes that sqlglot has qualified, and is the only one to import it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, walk_in_scope

DIALECT = "duckdb"
TableName = tuple[str, str, str]
"""database, schema, name in lower case."""
# sqlglot writes `not x is null` for what people write as `x is not null`.
_NOT_NULL = re.compile(r"\bNOT ([\w.\"]+) IS NULL\b")
_MADE_UP = re.compile(r"_col_\d+$")


@dataclass(slots=True)
class Found:
    """What is known of one column so far, in the order in which it was met; a step is true if it has columns in it."""

    sources: dict[tuple[TableName, str], None] = field(default_factory=dict)
    steps: dict[str, bool] = field(default_factory=dict)
    known: bool = True

    def add(self, other: Found) -> None:
        self.sources.update(other.sources)
        self.steps.update(other.steps)
        self.known = self.known and other.known


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a scope: `name` is None for a star of which the columns are not known, and made up if not `named`."""

    name: str | None
    expression: exp.Expr
    named: bool = True


class Tracer:
    """Follows columns through the scopes of one query; each is followed once."""

    def __init__(self, tables: Mapping[TableName, Sequence[str]], root: Scope) -> None:
        self.tables = tables
        # A recursive expression refers to itself by a scope that sqlglot leaves empty: the full one of the same text.
        self._full = {id(scope.expression): scope for scope in root.traverse()}
        self._done: dict[tuple[int, str], Found] = {}
        self._outputs: dict[int, list[Output]] = {}

    # What a scope gives ------------------------------------------------------------------------------------------

    def outputs(self, scope: Scope) -> list[Output]:
        """The columns of a scope in order."""
        known = self._outputs.get(id(scope))
        if known is None:
            self._outputs[id(scope)] = []  # a recursive expression meets itself
            known = self._outputs[id(scope)] = self._outputs_of(scope)
        return known

    def _outputs_of(self, scope: Scope) -> list[Output]:
        expression = scope.expression
        if isinstance(expression, exp.SetOperation) and scope.set_operation_scopes:
            left = self.outputs(scope.set_operation_scopes[0])
            if not expression.args.get("by_name"):
                return left
            have = {output.name for output in left}
            others = (output for other in scope.set_operation_scopes[1:] for output in self.outputs(other))
            return [*left, *{output.name: output for output in others if output.name not in have}.values()]
        if not isinstance(expression, exp.Select):
            return [Output(name.lower(), expression) for name in _alias_columns(expression)]
        found: list[Output] = []
        for projection in expression.expressions:
            found.extend(self._expanded(scope, projection))
        outer = _alias_columns(expression.parent) if isinstance(expression.parent, (exp.Subquery, exp.CTE)) else []
        renamed = [Output(name.lower(), output.expression) for name, output in zip(outer, found, strict=False)]
        return renamed + found[len(renamed) :]

    def _expanded(self, scope: Scope, projection: exp.Expr) -> Iterator[Output]:
        """One projection as columns: `columns(…)` is as many as match."""
        columns = projection.find(exp.Columns)
        if columns is None:
            bare = _bare(projection)
            star = projection.is_star or (isinstance(bare, exp.Binary) and isinstance(bare.this, exp.Star))
            name = projection.alias_or_name.lower()
            named = bool(name) and not _MADE_UP.match(name)
            text = name if named else _text(_bare(projection)).lower()
            yield Output(None if star else text, projection, named)
            return
        names = self._matching(scope, columns)
        if names is None:
            yield Output(None, projection)
            return
        for table, name in names:
            copy = projection.copy()
            inner = copy.find(exp.Columns)
            assert inner is not None
            column = exp.column(name, table=table)
            alone = inner is _bare(copy)
            if inner is copy:
                copy = column
            else:
                inner.replace(column)
            yield Output(name if alone else _text(_bare(copy)).lower(), copy, alone)

    def _matching(self, scope: Scope, columns: exp.Columns) -> list[tuple[str, str]] | None:
        """(table, column) that `columns('regex')` or `columns(*)` means, or None when it cannot be told."""
        wanted = columns.this
        matches: Callable[[str], bool]
        if isinstance(wanted, exp.Star):
            left_out = {item.name.lower() for item in wanted.args.get("except_") or wanted.args.get("except") or ()}
            if wanted.args.get("replace") or wanted.args.get("rename"):
                return None
            matches = lambda name: name not in left_out  # noqa: E731
        elif isinstance(wanted, exp.Literal) and wanted.is_string:
            try:
                pattern = re.compile(wanted.name, re.IGNORECASE)
            except re.error:
                return None
            matches = lambda name: pattern.search(name) is not None  # noqa: E731
        else:
            return None
        found: list[tuple[str, str]] = []
        for alias, (_, source) in scope.selected_sources.items():
            names = self._names_of(source)
            if names is None:
                return None
            found.extend((alias, name) for name in names if matches(name))
        return found

    def _names_of(self, source: exp.Expr | Scope) -> list[str] | None:
        if isinstance(source, Scope):
            outputs = self.outputs(source)
            names = [output.name for output in outputs if output.name is not None]
            return names if len(names) == len(outputs) else None
        known = self.tables.get(_name_of(source)) if isinstance(source, exp.Table) else None
        return [column.lower() for column in known] if known is not None else None

    # Where a column comes from ------------------------------------------------------------------------------------

    def named(self, scope: Scope, name: str) -> Found:
        """Where the column `name` of a scope comes from."""
        key = (id(scope), name.lower())
        if key not in self._done:
            self._done[key] = Found()  # a recursive expression adds nothing to itself
            self._done[key] = self._named(scope, name.lower())
        return self._done[key]

    def _named(self, scope: Scope, name: str) -> Found:
        expression = scope.expression
        if isinstance(expression, exp.SetOperation) and scope.set_operation_scopes:
            return self._of_union(scope, name)
        outputs = self.outputs(scope)
        for output in outputs:
            if output.name == name:
                return self.output(scope, output)
        stars = [output for output in outputs if output.name is None]
        sources = list(scope.selected_sources.values())
        if stars and len(sources) == 1:
            # `select *` of one thing whose columns nobody told: what comes out under a name went in under it.
            names = self._names_of(sources[0][1])
            return self._of_source(sources[0][1], name) if names is None or name in names else Found(known=False)
        if isinstance(expression, exp.UDTF):
            return self._of_table_function(scope, expression, name)
        return Found(known=False)

    def _of_union(self, scope: Scope, name: str) -> Found:
        left, *others = scope.set_operation_scopes
        found = Found()
        if scope.expression.args.get("by_name"):
            for arm in scope.set_operation_scopes:
                names = {output.name for output in self.outputs(arm)}
                if name in names or None in names:
                    found.add(self.named(arm, name))
            return found
        found.add(self.named(left, name))
        names_of_left = [output.name for output in self.outputs(left)]
        place = names_of_left.index(name) if name in names_of_left else None
        for other in others:
            outputs = self.outputs(other)
            if place is None or place >= len(outputs):
                found.add(self.named(other, name))
            else:
                found.add(self.output(other, outputs[place]))
        return found

    def output(self, scope: Scope, output: Output) -> Found:
        """Where one column of a scope comes from."""
        expression = scope.expression
        if isinstance(expression, exp.SetOperation):
            return self.named(scope, output.name) if output.name is not None else Found(known=False)
        if output.name is None:
            return Found(known=False)
        if isinstance(expression, exp.UDTF):
            return self._of_table_function(scope, expression, output.name)
        found = Found()
        bare = _bare(output.expression)
        if not isinstance(bare, exp.Column):
            found.steps[_text(bare)] = bare.find(exp.Column) is not None
        found.add(self._of_expression(scope, output.expression))
        return found

    def _of_expression(self, scope: Scope, expression: exp.Expr) -> Found:
        found = Found()
        inner = {id(other.expression): other for other in (*scope.subquery_scopes, *scope.udtf_scopes)}
        parameters = _lambda_parameters(expression)
        for node in walk_in_scope(expression):
            if isinstance(node, exp.Column):
                if node.table or node.name.lower() not in parameters:
                    found.add(self._of_column(scope, node))
            elif isinstance(node, exp.TableColumn):
                found.add(self._of_row(scope, node.name))
            elif isinstance(node, exp.Query) and node is not expression:
                nested = inner.get(id(node.unnest() if isinstance(node, exp.Subquery) else node))
                found.add(self._everything(nested) if nested is not None else Found(known=False))
            elif isinstance(node, (exp.Star, exp.Columns, exp.PositionalColumn)) and not isinstance(
                node.parent, exp.Count
            ):
                found.known = False
        return found

    def _everything(self, scope: Scope) -> Found:
        """All columns of a scope together: what a subquery in an expression stands on."""
        found = Found()
        for output in self.outputs(scope):
            if isinstance(_bare(output.expression), exp.Literal):
                continue
            found.add(self.output(scope, output))
        found.steps.clear()
        return found

    def _of_column(self, scope: Scope, column: exp.Column) -> Found:
        if isinstance(column.this, exp.Star):
            return self._of_row(scope, column.table)
        alias = self._alias(scope, column)
        if alias is not None:
            return alias
        around: Scope | None = scope
        while around is not None:
            source = around.sources.get(column.table) if column.table else self._only_source(around, column.name)
            if source is not None:
                return self._of_source(source, column.name)
            around = around.parent
        return Found(known=False)

    def _only_source(self, scope: Scope, name: str) -> exp.Expr | Scope | None:
        """The one source of a scope that can have a column which sqlglot left without its table."""
        having, perhaps = [], []
        for _, source in scope.selected_sources.values():
            names = self._names_of(source)
            if names is None:
                perhaps.append(source)
            elif name.lower() in names:
                having.append(source)
        found = having or perhaps
        return found[0] if len(found) == 1 else None

    def _alias(self, scope: Scope, column: exp.Column) -> Found | None:
        """What a column without a table is when it is another projection of its scope: `a + 1 as b, b * 2 as c`."""
        if column.table or not isinstance(scope.expression, exp.Select):
            return None
        for output in self.outputs(scope):
            inside = output.name == column.name.lower() and output.named and not output.expression.find(exp.Star)
            if (
                inside
                and isinstance(output.expression, exp.Alias)
                and column not in output.expression.find_all(exp.Column)
            ):
                return self.named(scope, column.name)
        return None

    def _of_row(self, scope: Scope, table: str) -> Found:
        """A whole row as a value: all columns of a table, where they are known."""
        source = scope.sources.get(table)
        names = self._names_of(source) if source is not None else None
        if source is None or names is None:
            return Found(known=False)
        found = Found()
        for name in names:
            found.add(self._of_source(source, name))
        return found

    def _of_source(self, source: exp.Expr | Scope, name: str) -> Found:
        if isinstance(source, Scope):
            return self.named(self._full.get(id(source.expression), source), name)
        if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
            # A function that reads files or makes rows: nothing of the project is behind it.
            return Found()
        return Found({(_name_of(source), name.lower()): None})

    def _of_table_function(self, scope: Scope, expression: exp.Expr, name: str) -> Found:
        """A column of `unnest(…)`, `values …` or a function of rows: made of everything it is given."""
        if isinstance(expression, exp.Lateral) and scope.subquery_scopes:
            return self.named(scope.subquery_scopes[-1], name)
        found = Found()
        outer = scope.parent
        for column in expression.find_all(exp.Column):
            found.add(self._of_column(outer, column) if outer is not None else Found(known=False))
        for nested in scope.subquery_scopes:
            found.add(self._everything(nested))
        if not isinstance(expression, exp.Values):
            text = _text(expression.this if isinstance(expression, exp.Lateral) else expression)
            found.steps = {text: True, **found.steps}
        return found


def _bare(expression: exp.Expr) -> exp.Expr:
    """An expression without its alias and brackets."""
    while isinstance(expression, (exp.Alias, exp.Paren)):
        expression = expression.this
    return expression


def _text(expression: exp.Expr) -> str:
    """An expression as one line of SQL."""
    without = expression.copy()
    for node in without.walk():
        node.comments = None
    text = " ".join(without.sql(DIALECT, comments=False).split())
    return _NOT_NULL.sub(r"\1 IS NOT NULL", text)


def _alias_columns(expression: exp.Expr | None) -> list[str]:
    """The names of `… as t(a, b)`."""
    alias = expression.args.get("alias") if expression is not None else None
    return [column.name for column in alias.columns] if isinstance(alias, exp.TableAlias) else []


def _lambda_parameters(expression: exp.Expr) -> set[str]:
    found: set[str] = set()
    for function in expression.find_all(exp.Lambda):
        found.update(parameter.name.lower() for parameter in function.expressions)
    for comprehension in expression.find_all(exp.Comprehension):
        found.update(_names(comprehension.args.get("expression")))
    return found


def _names(expression: object) -> Iterable[str]:
    return [expression.name.lower()] if isinstance(expression, exp.Expr) else []


def _name_of(table: exp.Table) -> TableName:
    return table.catalog.lower(), table.db.lower(), table.name.lower()
