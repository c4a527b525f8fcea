"""`aa-engine keys`, `config` and `migrate` as an administrator uses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.store.database import Database
from engine.store.migrations import Migration, migrate
from tests.e2e.engine_process import aa_engine


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def run(data_dir: Path, *words: str) -> str:
    """Standard output of a verb that works."""
    done = aa_engine(data_dir.parent, *words, "--data-dir", str(data_dir))
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(data_dir: Path, code: int, *words: str) -> str:
    """The one line of a verb that does not."""
    done = aa_engine(data_dir.parent, *words, "--data-dir", str(data_dir))
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_a_new_key_is_alone_on_standard_output(data_dir: Path) -> None:
    output = run(data_dir, "keys", "create", "--role", "ingest", "--developer", "alice", "--expires", "90d")
    assert output.startswith("aa_live_")
    assert len(output.splitlines()) == 1


def test_the_list_shows_whose_keys_there_are_but_not_the_keys(data_dir: Path) -> None:
    secret = run(data_dir, "keys", "create", "--role", "lead", "--developer", "alice", "--project", "p").strip()
    (key,) = json.loads(run(data_dir, "keys", "list", "--json"))
    assert (key["role"], key["developer_id"], key["projects"], key["state"]) == ("lead", "alice", ["p"], "active")
    table = run(data_dir, "keys", "list")
    assert "alice" in table
    assert secret not in table
    assert secret not in json.dumps(key)


def test_keys_are_revoked_and_rotated_by_their_id(data_dir: Path) -> None:
    key: dict[str, Any] = json.loads(run(data_dir, "keys", "create", "--role", "viewer", "--json"))
    rotated = json.loads(run(data_dir, "keys", "rotate", key["key_id"], "--json"))
    assert rotated["key"] != key["key"]
    run(data_dir, "keys", "revoke", rotated["key_id"])
    states = [each["state"] for each in json.loads(run(data_dir, "keys", "list", "--json"))]
    assert states == ["revoked", "revoked"]


def test_wrong_wishes_are_one_line(data_dir: Path) -> None:
    assert "roles are ingest, viewer" in refusal(data_dir, 2, "keys", "create", "--role", "king")
    assert "90d" in refusal(data_dir, 2, "keys", "create", "--role", "viewer", "--expires", "soon")
    assert "no key key_x" in refusal(data_dir, 2, "keys", "revoke", "key_x")
    assert "usage" not in refusal(data_dir, 2, "keys", "create")


def test_config_shows_values_and_where_they_came_from(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "engine.yaml").write_text("report_timezone: Europe/Berlin\n")
    shown = json.loads(run(data_dir, "config", "show", "--json"))
    assert shown["report_timezone"] == {"value": "Europe/Berlin", "origin": f"{data_dir}/engine.yaml:1"}
    assert shown["http"] == {"value": "127.0.0.1:4318", "origin": "default"}
    assert "Europe/Berlin" in run(data_dir, "config", "show")


def test_config_check_finds_wrong_files_and_open_doors(data_dir: Path) -> None:
    run(data_dir, "config", "check")
    data_dir.mkdir(exist_ok=True)
    for text, says in (
        ("http: [\n", "engine.yaml:2"),
        ("colour: red\n", "unknown setting colour"),
        ("http: nowhere\n", "is not an address"),
        ("http: 0.0.0.0:4318\n", "can be reached from other machines"),
        ("tls_cert: x.pem\n", "both a certificate and its key"),
    ):
        (data_dir / "engine.yaml").write_text(text)
        assert says in refusal(data_dir, 2, "config", "check")


def test_migrating_says_what_it_does_and_does_it_once(data_dir: Path) -> None:
    assert "would apply 0001 raw" in run(data_dir, "migrate", "--dry-run")
    assert not data_dir.exists()
    assert "applied 0001 raw" in run(data_dir, "migrate")
    assert "is up to date" in run(data_dir, "migrate")


def test_a_database_from_a_newer_version_is_refused(data_dir: Path) -> None:
    database = Database.open(data_dir / "agent_analytics.duckdb")
    migrate(database, [Migration(9999, "from_the_future", "select 1")])
    database.close()
    for verb in ("migrate", "serve"):
        words = (verb, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0") if verb == "serve" else (verb,)
        assert "newer version (schema 9999" in refusal(data_dir, 1, *words)


def test_a_damaged_database_is_refused_with_what_to_do(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "agent_analytics.duckdb").write_bytes(b"damaged" * 10_000)
    assert "backup restore latest" in refusal(data_dir, 1, "serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--http", "nowhere"), "is not an address"),
        (("--http", "127.0.0.1:99999"), "is not an address"),
        (("--http", "192.0.2.1:0", "--insecure"), "cannot listen on 192.0.2.1:0"),
        (("--processes", "3"), "processes must be a whole number from 1 to 2"),
        (("--idle-exit", "soon"), "idle_exit_seconds must be a number"),
        (("--colour",), "unrecognized arguments"),
        (("--socket-group", "nobody-has-this-group"), "there is no group"),
    ],
)
def test_wrong_flags_of_serve_are_one_line(data_dir: Path, flags: tuple[str, ...], says: str) -> None:
    doors = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
    done = aa_engine(data_dir.parent, "serve", *doors, *flags, "--data-dir", str(data_dir))
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
