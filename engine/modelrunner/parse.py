"""From drafts to nodes.

Owns the configuration of a node (dbt_project.yml, properties, the file itself), its names (schema, alias) and its
checksum. Refuses to render (reading.py) and to connect nodes: resolve.py does that once all are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import jinja2

from engine.modelrunner import config_types, contracts, custom, materialize, snapshots
from engine.modelrunner.draft_files import READABLE, drafts_of
from engine.modelrunner.drafts import DEFAULTS, SECTION, Draft
from engine.modelrunner.jinja import PARSE_ENVIRONMENT, line_of, render_value
from engine.modelrunner.memory import Memory
from engine.modelrunner.nodes import Config, Hook, Node, TestDetails, merged
from engine.modelrunner.packages import Package
from engine.modelrunner.parse_tests import Attached, generic_test
from engine.modelrunner.problems import ParseProblem, nearest
from engine.modelrunner.properties import Patch, Properties, TestDefinition, tags_of
from engine.modelrunner.reading import Reader
from engine.modelrunner.unrendered import unrendered_config


class Parser:
    """Makes the nodes of all packages."""

    def __init__(self, root: Package, reader: Reader, memory: Memory | None = None) -> None:
        self.root = root
        self._memory = memory or Memory()
        self.reader = reader
        self.macros = reader.macros
        self.target = reader.target
        self._naming: dict[str, dict[str, Any]] = {}

    def nodes(self, package: Package, properties: Properties) -> list[Node]:
        """Every node of a package, disabled ones too (config.enabled tells)."""
        found: list[Node] = []
        for draft in drafts_of(package, properties):
            found.append(self._memory.node(_made_from(draft), partial(self._finish, draft)))
        self._warn_of_patches(package, properties, found)
        enabled = {(SECTION[node.resource_type], node.name): node for node in found if node.config.enabled}
        for (kind, name), patch in properties.patches.items():
            node_of_patch = enabled.get((kind, name))
            if node_of_patch is not None:
                attached = Attached(node_of_patch.unique_id, f"{kind}.{name}", group=node_of_patch.group)
                found.extend(
                    self._generic_test(package, test, f"ref('{name}')", name, attached) for test in patch.tests
                )
        for entry in properties.sources:
            source, table = entry.source["name"], entry.table["name"]
            unique_id = f"source.{package.name}.{source}.{table}"
            attached = Attached(unique_id, f"sources.{source}", (*tags_of(entry.source), *tags_of(entry.table)))
            found.extend(
                self._generic_test(
                    package,
                    test,
                    f"source('{source}', '{table}')",
                    f"{source}_{table}",
                    attached,
                    "source_",
                )
                for test in entry.tests
            )
        return found

    def _generic_test(
        self, package: Package, test: TestDefinition, reference: str, name: str, attached: Attached, prefix: str = ""
    ) -> Node:
        key = ("test", package.name, repr(test), reference, name, repr(attached), prefix)
        return self._memory.node(key, lambda: generic_test(self, package, test, reference, name, attached, prefix))

    def _warn_of_patches(self, package: Package, properties: Properties, found: list[Node]) -> None:
        """What YAML says of a resource that there is not is said to nobody."""
        sections: dict[str, list[str]] = {}
        for node in found:
            sections.setdefault(node.name, []).append(SECTION[node.resource_type])
        for (kind, name), patch in properties.patches.items():
            where = f"{patch.file}:{patch.line}"
            if kind == "macros":
                if self.macros.find(name, package.name) is None:
                    hint = self.macros.suggest(name)
                    properties.warnings.append(f"{where}: no macro '{name}'" + (f"; {hint}" if hint else ""))
            elif kind not in sections.get(name, ()):
                hint = nearest(name, sections)
                if name in sections:
                    hint = f"put '{name}' below {sections[name][0]}:"
                properties.warnings.append(
                    f"{where}: there is nothing of the name '{name}' among the {kind}" + (f"; {hint}" if hint else "")
                )

    def _finish(self, draft: Draft) -> Node:
        self.reader.render(draft)
        patch = draft.patch
        config = self.configure(draft, patch.config if patch else {})
        hooks = (*config.hooks("pre-hook"), *config.hooks("post-hook"))
        self.reader.capture(draft, [hook.sql for hook in hooks if "{" in hook.sql])
        if patch is not None:
            held = (*patch.constraints, *(item for column in patch.columns for item in column.constraints))
            keys = [str(item["to"]) for item in held if item.get("to") and READABLE.match(str(item["to"]))]
            self.reader.capture(draft, [f"{{{{ {key} }}}}" for key in keys])
        # As in dbt, a snapshot is its whole file; a file's ends do not count.
        of_file = draft.resource_type in ("seed", "snapshot")
        checksum = checksum_of(_content_of(draft).strip() if of_file else draft.raw_code.strip().encode())
        node = self.node(
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
        if node.resource_type == "model" and config.enabled and custom.materialization(node, self.macros) is None:
            materialize.refuse(node)
        return node

    def configure(self, draft: Draft, yaml_config: Mapping[str, Any]) -> Config:
        """dbt_project.yml (the package's own, then the root's), then properties, then the file itself."""
        values = dict(DEFAULTS.get(draft.resource_type, {}))
        # As in dbt, analyses are configured by the section of the models.
        section = "models" if draft.resource_type == "analysis" else SECTION.get(draft.resource_type, "models")
        for package in (draft.package, self.root) if draft.package is not self.root else (self.root,):
            values = merged(values, package.section(section, draft.fqn))
        where = f"{draft.original_path}:{draft.line}"
        if draft.patch is not None:
            where = f"{draft.patch.file}:{draft.patch.line}"
        hooks = {key: value for key, value in yaml_config.items() if key.replace("_", "-") in ("pre-hook", "post-hook")}
        plain = {key: value for key, value in yaml_config.items() if key not in hooks}
        values = merged(values, render_value(plain, self.reader.yaml_context(draft.package), where, parsing=True))
        values = merged(merged(values, hooks), draft.in_file)
        config_types.check(draft.resource_type, values, draft.name, where)
        if draft.resource_type == "test":
            values.update(kept_rows(values))
        for key in ("pre-hook", "post-hook"):
            if key in values:
                values[key] = [item if isinstance(item, Hook) else Hook.read(item) for item in values[key]]
        return Config(values)

    def node(
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
        extra_tags: tuple[str, ...] = (),
        inherited_group: str | None = None,
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
            unrendered=self._unrendered(draft),
            extra_tags=extra_tags,
            inherited_group=inherited_group,
            line=draft.line,
        )

    def _unrendered(self, draft: Draft) -> dict[str, Any]:
        written = dict(draft.patch.config) if draft.patch else {}
        where = f"{draft.patch.file}:{draft.patch.line}" if draft.patch else draft.original_path
        hooks = {key: value for key, value in written.items() if key.replace("_", "-") in ("pre-hook", "post-hook")}
        plain = {key: value for key, value in written.items() if key not in hooks}
        rendered = render_value(plain, self.reader.yaml_context(draft.package), where, parsing=True)
        return unrendered_config(draft, self.root, {**rendered, **hooks}, written)

    def _name(self, macro: str, custom: Any, node: Mapping[str, Any], draft: Draft) -> str:
        # As in dbt, a package that brings its own rule names its own nodes by it.
        owner = draft.package if self.macros.find(macro, draft.package.name) is not None else self.root
        if owner.name not in self._naming:
            self._naming[owner.name] = self.reader.context(
                Draft("operation", "naming", owner, "", "dbt_project.yml", (), "")
            )
        found = self.macros.find(macro, search=owner.name)
        assert found is not None
        try:
            return str(found.bind(self._naming[owner.name], PARSE_ENVIRONMENT)(custom, node)).strip()
        except (jinja2.TemplateError, TypeError) as error:
            raise ParseProblem(f"{macro}: {error}", where=line_of(error, found.path)) from error


def _content_of(draft: Draft) -> bytes:
    content = (draft.package.root / draft.original_path).read_bytes()
    try:
        # As dbt, which leaves big files for later.
        if len(content) <= 1 << 20:
            content.decode()
    except UnicodeDecodeError:
        raise ParseProblem("not UTF-8 text", where=draft.original_path) from None
    return content


def _made_from(draft: Draft) -> tuple[str, ...]:
    """Everything that decides what becomes of a draft, besides what all drafts share."""
    path = draft.package.root / draft.original_path
    content = checksum_of(path.read_bytes()) if draft.resource_type in ("seed", "snapshot") else draft.raw_code
    who = (draft.package.name, draft.resource_type, draft.name, draft.path, draft.original_path)
    return (*who, str(draft.line), content, repr(draft.patch))


def kept_rows(values: Mapping[str, Any]) -> dict[str, Any]:
    """As in dbt, `store_failures_as` decides `store_failures`, and follows from it where it is not given."""
    kept, kind = values.get("store_failures"), values.get("store_failures_as")
    if kind is not None:
        return {"store_failures": kind != "ephemeral"}
    return {} if kept is None else {"store_failures_as": "table" if kept else "ephemeral"}


def checksum_of(content: bytes) -> str:
    """The checksum of a file as dbt's manifest has it."""
    return hashlib.sha256(content).hexdigest()
