"""From files to nodes.

Owns reading SQL files, seeds and test definitions into nodes: rendering each once without a database to learn its
references and its configuration, naming it (schema, alias, fqn), and giving generic tests their names. Refuses to
connect nodes: resolve.py does that once all are known.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from engine.modelrunner import contracts, snapshots
from engine.modelrunner.adapter import Adapter, Api
from engine.modelrunner.context import Flags, Variables
from engine.modelrunner.drafts import DEFAULTS, SECTION, CapturingConfig, Draft, called_macros
from engine.modelrunner.generic_tests import arguments_of_test, names_of_test
from engine.modelrunner.jinja import (
    PARSE_ENVIRONMENT,
    MacroReturn,
    Macros,
    blocks,
    compile_text,
    line_of,
    render_value,
)
from engine.modelrunner.nodes import Config, Hook, Node, TestDetails, merged
from engine.modelrunner.packages import Package
from engine.modelrunner.problems import NodeProblem, ParseProblem
from engine.modelrunner.profile import Target
from engine.modelrunner.properties import Patch, Properties, TestDefinition
from engine.modelrunner.relation import Relation

READABLE = re.compile(r"^\s*(ref|source)\s*\(.*\)\s*$", re.DOTALL)


class Parser:
    """Reads the nodes of all packages. `general` is the context without a node (context.py)."""

    def __init__(
        self,
        root: Package,
        packages: Mapping[str, Package],
        variables: Mapping[str, Mapping[str, Any]],
        macros: Macros,
        target: Target,
        general: Mapping[str, Any],
        flags: Flags,
    ) -> None:
        self.root = root
        self.packages = packages
        self.variables = variables
        self.macros = macros
        self.target = target
        self.general = general
        self.flags = flags
        self._naming: dict[str, Any] | None = None

    # Files ------------------------------------------------------------------------------------------------------

    def nodes(self, package: Package, properties: Properties) -> list[Node]:
        """Every node of a package, disabled ones too (config.enabled tells)."""
        found: list[Node] = []
        by_name: dict[tuple[str, str], Draft] = {}
        for draft in self._drafts(package, properties):
            node = self._finish(draft)
            by_name[SECTION[draft.resource_type], draft.name] = draft
            found.append(node)
        enabled = {(SECTION[node.resource_type], node.name): node for node in found if node.config.enabled}
        for (kind, name), patch in properties.patches.items():
            node_of_patch = enabled.get((kind, name))
            if node_of_patch is not None:
                found.extend(
                    self._generic_test(package, test, f"ref('{name}')", name, node_of_patch.unique_id)
                    for test in patch.tests
                )
        for entry in properties.sources:
            source, table = entry.source["name"], entry.table["name"]
            found.extend(
                self._generic_test(
                    package,
                    test,
                    f"source('{source}', '{table}')",
                    f"{source}_{table}",
                    f"source.{package.name}.{source}.{table}",
                    prefix="source_",
                )
                for test in entry.tests
            )
        return found

    def _drafts(self, package: Package, properties: Properties) -> list[Draft]:
        drafts = []
        for key, kind, endings in (
            ("model-paths", "model", (".sql", ".py")),
            ("seed-paths", "seed", (".csv",)),
            ("test-paths", "test", (".sql",)),
            ("analysis-paths", "analysis", (".sql",)),
            ("snapshot-paths", "snapshot", (".sql",)),
        ):
            for folder, path in package.files((key,), endings):
                relative = path.relative_to(package.root / folder)
                if kind == "test" and relative.parts[0] in ("generic", "fixtures"):
                    continue
                original = path.relative_to(package.root).as_posix()
                if path.suffix == ".py":
                    raise ParseProblem("Python models are not supported", where=original, hint="write the model in SQL")
                text = "" if kind == "seed" else _text(path, original)
                if kind == "snapshot":
                    drafts.extend(self._snapshots(package, text, original, relative))
                    continue
                fqn = (package.name, *relative.with_suffix("").parts)
                drafts.append(Draft(kind, path.stem, package, relative.as_posix(), original, fqn, text))
        drafts.extend(self._yaml_snapshots(package, properties))
        for draft in drafts:
            draft.patch = properties.patches.get((SECTION[draft.resource_type], draft.name))
            if draft.resource_type == "test":
                draft.patch = properties.singular.get(draft.name)
        return drafts

    def _snapshots(self, package: Package, text: str, original: str, relative: Path) -> list[Draft]:
        found = []
        for block in blocks(text, original, ("snapshot",)):
            fqn = (package.name, *relative.with_suffix("").parts, block.name)
            body = block.body
            found.append(Draft("snapshot", block.name, package, relative.as_posix(), original, fqn, body, block.line))
        return found

    def _yaml_snapshots(self, package: Package, properties: Properties) -> list[Draft]:
        """Snapshots that a property file defines with `relation:` instead of SQL."""
        found = []
        for (kind, name), patch in properties.patches.items():
            relation = patch.values.get("relation") if kind == "snapshots" else None
            if relation is None:
                continue
            if not READABLE.match(str(relation)):
                raise ParseProblem(
                    f"cannot read relation {relation!r}", where=f"{patch.file}:{patch.line}",
                    hint="write ref('…') or source('…', '…')",
                )  # fmt: skip
            inside = package.inside(patch.file)
            fqn = (package.name, *inside.parts[:-1], name)
            text = f"select * from {{{{ {relation} }}}}"
            path = (inside / f"{name}.sql").as_posix()
            found.append(Draft("snapshot", name, package, path, patch.file, fqn, text))
        return found

    # One node ---------------------------------------------------------------------------------------------------

    def _finish(self, draft: Draft) -> Node:
        self._render(draft)
        patch = draft.patch
        config = self.configure(draft, patch.config if patch else {})
        hooks = (*config.hooks("pre-hook"), *config.hooks("post-hook"))
        self._capture(draft, [hook.sql for hook in hooks if "{" in hook.sql])
        if patch is not None:
            held = (*patch.constraints, *(item for column in patch.columns for item in column.constraints))
            keys = [str(item["to"]) for item in held if item.get("to") and READABLE.match(str(item["to"]))]
            self._capture(draft, [f"{{{{ {key} }}}}" for key in keys])
        code = draft.raw_code
        checksum = _checksum(
            (draft.package.root / draft.original_path).read_bytes()
            if draft.resource_type == "seed"
            else code.strip().encode()
        )
        node = self._node(
            draft,
            draft.unique_id(),
            config,
            checksum,
            description=patch.description if patch else "",
            patch=patch,
        )
        if node.resource_type == "snapshot" and config.enabled:
            snapshots.check(node)
        if config.enabled and contracts.enforced(node):
            contracts.check(node)
        return node

    def configure(self, draft: Draft, yaml_config: Mapping[str, Any]) -> Config:
        """dbt_project.yml (the package's own, then the root's), then properties, then the file itself."""
        values = dict(DEFAULTS.get(draft.resource_type, {}))
        # As in dbt, analyses are configured by the section of the models.
        section = "models" if draft.resource_type == "analysis" else SECTION.get(draft.resource_type, "models")
        for package in (draft.package, self.root) if draft.package is not self.root else (self.root,):
            values = merged(values, package.section(section, draft.fqn))
        where = f"{draft.patch.file}:{draft.patch.line}" if draft.patch else draft.original_path
        hooks = {key: value for key, value in yaml_config.items() if key.replace("_", "-") in ("pre-hook", "post-hook")}
        plain = {key: value for key, value in yaml_config.items() if key not in hooks}
        values = merged(values, render_value(plain, self._yaml_context(draft.package), where, parsing=True))
        values = merged(merged(values, hooks), draft.in_file)
        for key in ("pre-hook", "post-hook"):
            if key in values:
                values[key] = [item if isinstance(item, Hook) else Hook.read(item) for item in values[key]]
        if isinstance(values.get("enabled"), str):
            values["enabled"] = values["enabled"].strip().lower() == "true"
        return Config(values)

    def _yaml_context(self, package: Package) -> dict[str, Any]:
        variables = Variables(self.variables[package.name], package.name, parsing=True)
        return {**self.general, "var": variables}

    def _node(
        self,
        draft: Draft,
        unique_id: str,
        config: Config,
        checksum: str,
        *,
        description: str = "",
        patch: Patch | None = None,
        alias: str | None = None,
        test: TestDetails | None = None,
        patch_path: str | None = None,
    ) -> Node:
        naming = {"name": draft.name, "resource_type": draft.resource_type, "package_name": draft.package.name,
                  "config": config, "fqn": list(draft.fqn), "path": draft.path, "unique_id": unique_id,
                  "original_file_path": draft.original_path, "tags": list(config.tags), "version": None,
                  "database": self.target.database, "schema": self.target.schema}  # fmt: skip
        schema_key = (
            config.get("target_schema") if draft.resource_type == "snapshot" and config.get("target_schema") else None
        )
        schema = schema_key or self._name("generate_schema_name", config.get("schema"), naming, draft)
        database = config.get("target_database") if draft.resource_type == "snapshot" else None
        database = database or self._name("generate_database_name", config.get("database"), naming, draft)
        chosen = self._name("generate_alias_name", config.get("alias") or alias, naming, draft)
        return Node(
            unique_id=unique_id,
            resource_type=draft.resource_type,
            name=draft.name,
            package=draft.package.name,
            path=draft.path,
            original_path=draft.original_path,
            root=draft.package.root,
            fqn=draft.fqn,
            raw_code=draft.raw_code,
            checksum=checksum,
            database=str(database),
            schema=str(schema),
            alias=chosen,
            config=config,
            description=description,
            columns=patch.columns if patch else (),
            constraints=patch.constraints if patch else (),
            patch_path=patch.file if patch else patch_path,
            refs=tuple(dict.fromkeys(draft.refs)),
            source_refs=tuple(dict.fromkeys(draft.source_refs)),
            macros=tuple(dict.fromkeys(draft.macro_names)),
            test=test,
            own_config=dict(draft.in_file),
            line=draft.line,
        )

    def _name(self, macro: str, custom: Any, node: Mapping[str, Any], draft: Draft) -> str:
        if self._naming is None:
            self._naming = self.context(Draft("operation", "naming", self.root, "", "dbt_project.yml", (), ""))
        found = self.macros.find(macro, search=self.root.name)
        assert found is not None
        try:
            return str(found.bind(self._naming, PARSE_ENVIRONMENT)(custom, node)).strip()
        except (jinja2.TemplateError, TypeError) as error:
            raise ParseProblem(f"{macro}: {error}", where=line_of(error, found.path)) from error

    # Rendering --------------------------------------------------------------------------------------------------

    def context(self, draft: Draft) -> dict[str, Any]:
        """The context in which a file is read: no database, references are remembered."""
        context: dict[str, Any] = dict(self.general)

        def ref(*arguments: Any, **named: Any) -> Relation:
            if not 1 <= len(arguments) <= 2 or not all(isinstance(item, str) for item in arguments):
                raise ParseProblem(
                    f"ref() takes a model or a package and a model, not {arguments}", where=draft.original_path
                )
            if named:
                raise ParseProblem("model versions are not supported", where=draft.original_path)
            package, name = (None, arguments[0]) if len(arguments) == 1 else arguments
            draft.refs.append((package, name))
            return Relation(self.target.database, self.target.schema, name)

        def source(*arguments: Any) -> Relation:
            if len(arguments) != 2:
                raise ParseProblem(f"source() takes a source and a table, not {arguments}", where=draft.original_path)
            draft.source_refs.append((arguments[0], arguments[1]))
            return Relation(self.target.database, arguments[0], arguments[1])

        def statement(name: str | None = None, caller: Any = None, **_: Any) -> str:
            return ""

        builtins = {"ref": ref, "source": source, "config": CapturingConfig(draft)}
        context.update(builtins)
        context.update(
            builtins=builtins,
            execute=False,
            var=Variables(self.variables[draft.package.name], draft.name, parsing=True),
            this=Relation(self.target.database, self.target.schema, draft.name),
            database=self.target.database,
            schema=self.target.schema,
            model={
                "name": draft.name,
                "unique_id": draft.unique_id(),
                "alias": draft.name,
                "config": {},
                "fqn": list(draft.fqn),
                "path": draft.path,
                "original_file_path": draft.original_path,
                "resource_type": draft.resource_type,
                "package_name": draft.package.name,
                "columns": {},
                "description": "",
                "tags": [],
                "depends_on": {"nodes": [], "macros": []},
                "schema": self.target.schema,
                "database": self.target.database,
            },
            graph={"nodes": {}, "sources": {}, "exposures": {}, "metrics": {}, "groups": {}},
            is_incremental=lambda: False,
            statement=statement,
            load_result=lambda *_: PARSE_ENVIRONMENT.undefined(name="load_result"),
            store_result=lambda *_, **__: "",
            store_raw_result=lambda *_, **__: "",
            render=lambda text: text,
            api=Api,
            doc=lambda *_: "",
            sql="",
            compiled_code="",
            pre_hooks=[],
            post_hooks=[],
            selected_resources=[],
            load_cached_relation=lambda *_: None,
        )
        adapter = Adapter(self.macros, self.packages, draft.package.name, context, PARSE_ENVIRONMENT, None)
        context["adapter"] = adapter
        self.macros.bind_into(context, draft.package.name, PARSE_ENVIRONMENT)
        context["context"] = context
        return context

    def _render(self, draft: Draft) -> None:
        if draft.resource_type == "seed":
            return
        # The file name of the template is the path, so that errors and tracebacks carry it.
        source = "\n" * (draft.line - 1) + draft.raw_code
        template = compile_text(source, draft.original_path, PARSE_ENVIRONMENT)
        draft.macro_names.extend(self.called(source, draft.package.name))
        self._guard(draft, lambda: template.render(self.context(draft)))

    def _capture(self, draft: Draft, texts: list[str]) -> None:
        """References in hooks count as the node's own."""
        for text in texts:
            template = compile_text(text, draft.original_path, PARSE_ENVIRONMENT)
            self._guard(draft, functools.partial(template.render, self.context(draft)))

    def _guard(self, draft: Draft, action: Any) -> None:
        try:
            action()
        except MacroReturn:
            pass
        except ParseProblem as problem:
            if problem.where:
                raise
            raise ParseProblem(problem.sentence, where=draft.original_path, hint=problem.hint) from problem
        except NodeProblem as problem:
            raise ParseProblem(problem.sentence, where=draft.original_path, hint=problem.hint) from problem
        except jinja2.TemplateError as error:
            raise ParseProblem(str(error), where=line_of(error, draft.original_path)) from error
        except (TypeError, ValueError, KeyError, AttributeError, IndexError, ZeroDivisionError) as error:
            raise ParseProblem(f"{type(error).__name__}: {error}", where=line_of(error, draft.original_path)) from error

    def called(self, source: str, package: str) -> list[str]:
        """Unique ids of the macros that a text may call."""
        return called_macros(source, package, self.macros)

    # Generic tests ----------------------------------------------------------------------------------------------

    def _generic_test(
        self,
        package: Package,
        definition: TestDefinition,
        reference: str,
        target_name: str,
        attached: str,
        prefix: str = "",
    ) -> Node:
        where = f"{definition.file}:{definition.line}"
        macro = self.macros.find(f"test_{definition.name}", definition.namespace, package.name)
        kind = f"{definition.namespace}_{definition.name}" if definition.namespace else definition.name
        short, full = names_of_test(prefix + kind, target_name, definition.arguments)
        if definition.custom_name:
            short = full = definition.custom_name
        arguments = {**definition.arguments, "model": f"{{{{ get_where_subquery({reference}) }}}}"}
        # As in dbt, a test that does not exist is no reason to refuse the project: it fails when it is run.
        name = f"test_{definition.name}"
        call = f"{definition.namespace}.{name}" if definition.namespace else name
        file_fqn = package.inside(definition.file).parts[:-1]
        draft = Draft(
            "test",
            full,
            package,
            f"{short}.sql",
            definition.file,
            (package.name, *file_fqn, full),
            f"{{{{ {call}(**_dbt_generic_test_kwargs) }}}}",
            definition.line,
        )
        context = self.context(draft)

        def read() -> None:
            context["_dbt_generic_test_kwargs"] = arguments_of_test(arguments, context, where, parsing=True)
            if macro is not None:
                compile_text(draft.raw_code, definition.file, PARSE_ENVIRONMENT).render(context)

        self._guard(draft, read)
        config_given = render_value(dict(definition.config), self._yaml_context(package), where, parsing=True)
        draft.in_file = merged(draft.in_file, config_given)
        if macro is not None:
            draft.macro_names.append(macro.unique_id)
        config = self.configure(draft, {})
        metadata = {"name": definition.name, "namespace": definition.namespace, "kwargs": dict(arguments)}
        digest = hashlib.md5(
            json.dumps([full, metadata], sort_keys=True, default=str).encode(), usedforsecurity=False
        ).hexdigest()[-10:]
        details = TestDetails(definition.name, definition.namespace, arguments, definition.column, attached)
        return self._node(
            draft,
            f"test.{package.name}.{full}.{digest}",
            config,
            _checksum(b""),
            description=definition.description,
            alias=short if short != full else None,
            test=details,
            patch_path=None,
        )


def _text(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ParseProblem("not UTF-8 text", where=where) from None


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
