"""Records what real dbt calls changed: edits to tests/fixtures/state/project, each compared with the state before.

Run it with the Python that has dbt (`.venv-dbt/bin/python tests/equivalence/record_state.py`). It writes
tests/fixtures/state/golden.json (what dbt answers to every `state:` question after every edit) and
tests/fixtures/state/manifest.json (the state before, as dbt wrote it); tests/unit/modelrunner/test_state_golden.py
compares both with our answers, from dbt's manifest and from ours. It is no test and pytest does not collect it.
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
from typing import Any

FIXTURES = Path(__file__).parents[1] / "fixtures" / "state"
QUESTIONS = (
    "state:new", "state:old", "state:modified", "state:unmodified", "state:modified.body", "state:modified.configs",
    "state:modified.persisted_descriptions", "state:modified.relation", "state:modified.macros",
    "state:modified.contract", "state:modified+", "1+state:modified", "state:new,resource_type:model",
)  # fmt: skip


def main() -> int:
    runner = importlib.import_module("dbt.cli.main").dbtRunner
    edits: list[dict[str, Any]] = json.loads((FIXTURES / "edits.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        os.environ.update(DBT_PROFILES_DIR=str(folder), STATE_DB=str(Path(scratch) / "state.duckdb"))
        os.environ.update(DO_NOT_TRACK="1", NO_COLOR="1", DBT_USE_COLORS="false")

        def fresh(edit: dict[str, Any]) -> dict[str, str]:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(FIXTURES / "project", folder)
            for name, text in edit.get("write", {}).items():
                path = folder / name
                if text is None:
                    path.unlink()
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
            for name, (old, new) in edit.get("replace", {}).items():
                text = (folder / name).read_text(encoding="utf-8")
                assert old in text, (edit["name"], name, old)
                (folder / name).write_text(text.replace(old, new), encoding="utf-8")
            os.chdir(folder)
            return dict(edit.get("environment", {}))

        with contextlib.redirect_stdout(io.StringIO()):
            fresh({})
            assert runner().invoke(["deps"]).success
            assert runner().invoke(["parse", "--no-partial-parse"]).success
            state = Path(scratch) / "state"
            state.mkdir()
            manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
            manifest["macros"] = {k: v for k, v in manifest["macros"].items() if v["package_name"] not in _DBTS}
            manifest["docs"] = {}
            for record in manifest["nodes"].values():
                record.pop("root_path", None)
            (FIXTURES / "manifest.json").write_text(json.dumps(manifest, indent=0) + "\n", encoding="utf-8")
            shutil.copy(folder / "target" / "manifest.json", state)
            answers = []
            for edit in edits:
                environment = fresh(edit)
                os.environ.update(environment)
                assert runner().invoke(["deps"]).success
                flags = [*edit.get("flags", ())]
                parsed = runner().invoke(["parse", "--no-partial-parse", *flags])
                assert parsed.success, (edit["name"], parsed.exception)
                found = {}
                for question in QUESTIONS:
                    words = ["ls", "--quiet", "--output", "json", "--output-keys", "unique_id", "--select", question]
                    done = runner(manifest=parsed.result).invoke([*words, "--state", str(state), *flags])
                    ids = [json.loads(line)["unique_id"] for line in done.result or ()] if done.success else None
                    found[question] = ids
                answers.append({"name": edit["name"], "answers": found})
                for key in environment:
                    del os.environ[key]
    text = ",\n".join(json.dumps(answer) for answer in answers)
    (FIXTURES / "golden.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    print(f"{len(answers)} edits, {len(QUESTIONS)} questions each", file=sys.stderr)
    return 0


_DBTS = ("dbt", "dbt_duckdb")

if __name__ == "__main__":
    raise SystemExit(main())
