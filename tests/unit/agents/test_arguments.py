"""Four facts survive of a tool's arguments: extension, commit or not, which commit, and a keyed hash."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.agents import arguments


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("git commit -m 'x'", True),
        ("git add -A && git commit -m 'Add feature f'", True),
        ("cd app; git -C sub -c user.name=a commit --amend", True),
        ("git --no-pager commit", True),
        ("bash -lc 'git commit'", True),
        (["bash", "-lc", "git commit -q"], True),
        ("git commit-tree abc", False),
        ("git log --grep commit", False),
        ("echo legit commit", False),
        ("git status", False),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_commands_that_commit(command: Any, expected: bool | None) -> None:
    assert arguments.commits(command) is expected


def test_a_hostile_command_costs_no_time() -> None:
    assert arguments.commits("git " + "-c " * 20_000 + "x") is False
    assert arguments.commits("git" + " --a" * 20_000) is False


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("Chunk ID: dc3082\n[main c64ba2d] Add feature f\n 1 file changed", "c64ba2d"),
        ("[main (root-commit) a7436e3] first", "a7436e3"),
        ("[feature/x-1 a7436e3] one\n[feature/x-1 c64ba2d] two", "c64ba2d"),
        ("[INFO 12345] started", None),
        ("nothing to commit", None),
        (None, None),
    ],
)
def test_commits_named_in_outputs(output: Any, expected: str | None) -> None:
    assert arguments.commit_in_output(output) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("a7436e3", "a7436e3"), ("A7436E3", "a7436e3"), ("a7436", None), ("main", None), (5, None)]
)
def test_hashes_of_commits(value: Any, expected: str | None) -> None:
    assert arguments.commit_sha(value) == expected


PATCH = "*** Begin Patch\n*** Update File: src/a.py\n@@\n-x\n+y\n*** Add File: b.PY\n*** End Patch"


@pytest.mark.parametrize(
    ("given_arguments", "expected"),
    [
        ({"file_path": "/home/dev/app/feature.PY"}, ".py"),
        ({"notebook_path": "a.ipynb"}, ".ipynb"),
        ({"file_path": "/home/dev/Makefile"}, None),
        ({"file_path": "/home/dev/.env"}, None),
        ({"file_path": "C:\\code\\a.ts"}, ".ts"),
        ({"file_path": "a.secret words here"}, None),
        ({"file_path": 5}, None),
        ({"input": PATCH}, ".py"),
        (PATCH, ".py"),
        (PATCH.replace("b.PY", "c.md"), None),
        ({"command": "ls"}, None),
        (None, None),
    ],
)
def test_file_extensions(given_arguments: Any, expected: str | None) -> None:
    assert arguments.file_extension(given_arguments) == expected


def test_the_same_call_has_the_same_hash_whatever_the_order() -> None:
    one = arguments.hashed(b"k", "Bash", {"a": 1, "b": 2})
    assert one == arguments.hashed(b"k", "Bash", {"b": 2, "a": 1})
    assert one is not None
    assert len(one) == 32
    assert (
        len({one, arguments.hashed(b"k", "Edit", {"a": 1, "b": 2}), arguments.hashed(b"j", "Bash", {"a": 1, "b": 2})})
        == 3
    )
    assert arguments.hashed(b"k", "Bash", None) is None


@given(
    st.text(),
    st.recursive(
        st.none() | st.text() | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
)
def test_no_arguments_raise(text: str, tree: Any) -> None:
    for value in (text, tree, arguments.read(text), arguments.read("[" * 100_000)):
        arguments.hashed(b"k", text, value)
        arguments.commits(value)
        arguments.file_extension(value)
        arguments.commit_in_output(value)
        arguments.commit_sha(value)
