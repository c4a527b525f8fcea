"""A wrong setting is one line with file, line and what would be right; it never starts an engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from engine.settings import SETTINGS, Setting, convert, load


def refusal(folder: Path, text: str) -> str:
    (folder / "engine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(folder, environment={})
    return caught.value.line()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1\n", "engine.yaml:2:1: expected ',' or ']'"),
        ("- http\n", "engine.yaml:1: expected keys and values"),
        ("\nhtp: 1\n", "engine.yaml:2: unknown setting htp; did you mean http?"),
        ("ingest:\n  dedup_windw_hours: 3\n", "engine.yaml:2: unknown setting ingest.dedup_windw_hours; did you mean"),
        ("? [a]\n: 3\n", "engine.yaml:1: the name of a setting must be text"),
        ("http: !!python/object/apply:os.getcwd []\n", "engine.yaml:1: http: could not determine a constructor"),
        ("processes: !!int many\n", "engine.yaml:1: processes: "),
        (
            "include_prompts: false\ninclude_prompts: true\n",
            "engine.yaml:2: include_prompts stands here for the second",
        ),
        (
            "git:\n  commit_messages: Subject\n",
            "engine.yaml:2: git.commit_messages must be one of full, subject, hash,",
        ),
        ("ingest.max_body_bytes: -1\n", "must be a whole number from 1024 to 1073741824, not -1"),
        ("ingest.max_body_bytes: 99999999999999999999\n", "must be a whole number from 1024 to 1073741824"),
        ("ingest.max_body_bytes: 2000.5\n", "must be a whole number, not 2000.5"),
        ("ingest.dedup_window_hours: .nan\n", "must be a number from 0 to 8760"),
        ("ingest.dedup_window_hours: .inf\n", "must be a number from 0 to 8760"),
        ("git.correlation_window: -4\n", "must be a whole number from 0 to 604800"),
        ("git.correlation_window: .inf\n", "must be a whole number"),
        ("report_timezone: Europe\n", "must be a time zone such as Europe/Berlin"),
        ("report_timezone: ../../etc/passwd\n", "must be a time zone such as Europe/Berlin"),
        ("repositories: [1]\n", "must be a list of texts"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    assert says in refusal(tmp_path, text)


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"AA_GIT_CORRELATION_WINDOW: .* from 0 to 604800, not '-3'"):
        load(tmp_path, environment={"AA_GIT_CORRELATION_WINDOW": "-3"})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_default_is_allowed(setting: Setting) -> None:
    value = list(setting.default) if setting.kind == "list" else setting.default
    assert convert(setting, value, "default") == setting.default
