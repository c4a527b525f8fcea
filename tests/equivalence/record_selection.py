"""Records what real dbt selects: every question of `asked` put to dbt's `ls` over tests/fixtures/selection/project.

Run it with the Python that has dbt (`.venv-dbt/bin/python tests/equivalence/record_selection.py`); one process asks
everything, because dbt's imports cost seconds. It writes tests/fixtures/selection/golden.json, which
tests/unit/modelrunner/test_selection_golden.py compares with our answers. It is no test and pytest does not collect it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures" / "selection"

LISTS: list[list[str]] = [
    [],
    ["--select", "orders", "customers"],
    ["--select", "orders customers"],
    ["--select", "orders  customers"],
    ["--select", ""],
    ["--select", " "],
    ["-s", "orders", "-s", "customers"],
    ["--select", "tag:nightly", "+regions", "source:bank"],
    ["--select", "+orders", "--exclude", "stg_customers"],
    ["--select", "+orders", "--exclude", "+stg_customers"],
    ["--select", "+orders", "--exclude", "tag:pii"],
    ["--exclude", "tag:nightly"],
    ["--exclude", "orders+"],
    ["--exclude", "resource_type:test"],
    ["--exclude", "resource_type:test resource_type:source"],
    ["--exclude", "resource_type:test", "resource_type:source"],
    ["--exclude", "*"],
    ["--exclude", "fqn:*"],
    ["--exclude", "source:*"],
    ["--exclude", "exposure:*", "--select", "+board"],
    ["--exclude", "test_type:unit"],
    ["--exclude", "tag:pii,tag:daily"],
    ["--exclude", "package:helpers"],
    ["--exclude", "nothing_here"],
    ["--exclude", "tagg:x"],
    ["--select", "orders", "--exclude", "unique_orders_id"],
    ["--select", "orders", "--exclude", "test_type:generic"],
    ["--select", "orders", "--exclude", "stg_orders"],
    ["--select", "orders+", "--exclude", "orders"],
    ["--select", "stg_orders", "--exclude", "test_name:relationships"],
    ["--select", "tag:nightly", "--exclude", "tag:money"],
    ["--select", "a", "b", "--exclude", "c"],
    ["--models", "orders"],
    ["--models", "+customers"],
    ["--models", "tag:stg", "source:raw"],
    ["--model", "orders"],
    ["-m", "orders", "customers"],
    ["--models", "orders", "--select", "customers"],
    ["--models", "orders", "--resource-type", "test"],
    ["--models", "orders", "--exclude", "orders"],
    ["--models", "resource_type:seed"],
    ["--resource-type", "model"],
    ["--resource-type", "test"],
    ["--resource-type", "model", "--resource-type", "seed"],
    ["--resource-type", "model", "seed"],
    ["--resource-type", "model seed"],
    ["--resource-types", "snapshot"],
    ["--resource-type", "analysis"],
    ["--resource-type", "source"],
    ["--resource-type", "exposure"],
    ["--resource-type", "unit_test"],
    ["--resource-type", "metric"],
    ["--resource-type", "semantic_model"],
    ["--resource-type", "saved_query"],
    ["--resource-type", "function"],
    ["--resource-type", "default"],
    ["--resource-type", "all"],
    ["--resource-type", "all", "--select", "+customers+"],
    ["--resource-type", "nope"],
    ["--resource-type", "default", "analysis"],
    ["--exclude-resource-type", "test"],
    ["--exclude-resource-type", "test", "unit_test"],
    ["--exclude-resource-types", "model", "--select", "+orders"],
    ["--exclude-resource-type", "all"],
    ["--exclude-resource-type", "default"],
    ["--resource-type", "all", "--exclude-resource-type", "test"],
    ["--resource-type", "model", "--exclude-resource-type", "model"],
    ["--resource-type", "test", "--select", "orders"],
    ["--resource-type", "model", "--select", "source:raw+"],
    ["--resource-type", "test", "--select", "tag:nightly", "--exclude", "tag:money"],
    ["--select", "orders", "--indirect-selection", "nope"],
    ["--select", "orders", "--indirect-selection", "Cautious"],
    ["--selector", "s_str", "--select", "customers"],
    ["--selector", "s_str", "--exclude", "orders"],
    ["--selector", "s_str", "--resource-type", "test"],
    ["--selector", "s_nope"],
    ["--selector", "s_str", "--models", "orders"],
    ["--output", "name"],
    ["--output", "path"],
    ["--output", "json"],
    ["--output", "selector"],
    ["--output", "nope"],
    ["--output", "JSON", "--select", "orders"],
    ["--output", "name", "--select", "source:raw", "exposure:*", "unit_test:*", "profit.v2"],
    ["--output", "json", "--resource-type", "all"],
    ["--output", "json", "--output-keys", "name", "--select", "orders"],
    ["--output", "json", "--output-keys", "name resource_type", "--select", "orders"],
    ["--output", "json", "--output-keys", "unique_id", "tags", "--select", "+customers"],
    ["--output", "json", "--output-keys", "config.materialized", "name", "nope", "--resource-type", "all"],
    ["--output", "json", "--output-keys", "config.meta.level", "fqn", "--select", "stg_payments"],
    ["--output", "json", "--output-keys", "depends_on.nodes", "unique_id", "--resource-type", "all"],
    ["--output", "json", "--output-keys", "depends_on", "unique_id", "--resource-type", "model"],
    ["--output", "json", "--output-keys", "description", "schema", "database", "alias", "--resource-type", "model"],
    ["--output", "json", "--output-keys", "path", "patch_path", "original_file_path", "--resource-type", "all"],
    ["--output", "json", "--output-keys", "refs", "sources", "unique_id", "--resource-type", "all"],
    ["--output", "json", "--output-keys", "source_name", "identifier", "loader", "--select", "source:*"],
    ["--output", "json", "--output-keys", "columns", "--select", "stg_orders", "source:raw.orders"],
    ["--output", "json", "--output-keys", "checksum", "--resource-type", "model"],
    ["--output", "json", "--output-keys", "test_metadata", "column_name", "attached_node", "--resource-type", "test"],
    ["--output", "json", "--output-keys", "freshness", "loaded_at_field", "--select", "source:*"],
    ["--output", "json", "--output-keys", "unrendered_config", "unique_id", "--resource-type", "all"],
    ["--output", "json", "--output-keys", "relation_name", "raw_code", "unique_id", "--resource-type", "all"],
    ["--output", "json", "--output-keys", "group", "access", "unique_id", "meta", "tags", "--resource-type", "all"],
    ["--output", "json", "--output-keys", "owner", "type", "label", "maturity", "url", "--select", "exposure:*"],
    ["--output", "json", "--output-keys", "given", "expect", "model", "depends_on", "--select", "unit_test:*"],
    ["--output-keys", "name", "--select", "orders"],
]

SELECTORS = [
    "s_str",
    "s_comma",
    "s_kv",
    "s_full",
    "s_at",
    "s_union",
    "s_inter",
    "s_nested",
    "s_ref",
    "s_ref2",
    "s_excl",
    "s_caut",
    "s_empty",
    "s_build",
    "s_wild",
    "s_source",
    "s_exp",
    "s_meta",
    "s_sev",
    "s_pstr",
    "s_pkg",
    "s_twice",
    "s_interunion",
]

INDIRECT = [
    "orders",
    "+orders",
    "orders+",
    "stg_orders",
    "stg_customers",
    "customers",
    "revenue",
    "stg_orders,stg_customers",
    "+customers",
    "tag:nightly",
    "tag:stg",
    "source:raw",
    "source:raw+",
    "+revenue",
    "@orders",
    "margin",
    "test_type:generic",
    "orders,test_type:generic",
    "unique_stg_orders_id",
    "stg_events",
    "staging.stg_*",
    "1+orders",
]


def asked() -> list[list[str]]:
    """Every question: the arguments after `ls`."""
    terms = (FIXTURES / "terms.txt").read_text(encoding="utf-8").split()
    questions = [["--select", term] for term in terms]
    questions += LISTS
    questions += [["--selector", name] for name in SELECTORS]
    for mode in ("eager", "cautious", "buildable", "empty"):
        questions += [["--indirect-selection", mode, "--select", term] for term in INDIRECT]
        questions += [
            ["--indirect-selection", mode, "--select", "stg_orders", "stg_customers"],
            ["--indirect-selection", mode, "--select", "orders customers", "--exclude", "revenue"],
            ["--indirect-selection", mode, "--select", "stg_orders+", "--exclude", "stg_customers"],
            ["--indirect-selection", mode, "--select", "+orders", "--exclude", "stg_orders"],
            ["--indirect-selection", mode, "--select", "stg_orders", "--exclude", "stg_customers"],
            ["--indirect-selection", mode, "--exclude", "tag:nightly"],
            *(["--indirect-selection", mode, "--selector", name] for name in SELECTORS[:14]),
        ]
    seen = []
    for question in questions:
        if question not in seen:
            seen.append(question)
    return seen


def main() -> int:
    runner = importlib.import_module("dbt.cli.main").dbtRunner
    answers = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        shutil.copytree(FIXTURES / "project", folder)
        os.chdir(folder)
        os.environ.update(DBT_PROFILES_DIR=str(folder), SELECTION_DB=str(Path(scratch) / "selection.duckdb"))
        os.environ.update(DO_NOT_TRACK="1", NO_COLOR="1", DBT_USE_COLORS="false")
        with contextlib.redirect_stdout(io.StringIO()):
            assert runner().invoke(["deps"]).success
            manifest = runner().invoke(["parse"]).result
            for question in asked():
                done = runner(manifest=manifest).invoke(["ls", "--quiet", *question])
                lines = list(done.result or []) if done.success else []
                code = 0 if done.success else 2 if done.exception else 1
                answers.append({"args": question, "exit": code, "lines": lines})
    text = ",\n".join(json.dumps(answer) for answer in answers)
    (FIXTURES / "golden.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    print(f"{len(answers)} questions", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
