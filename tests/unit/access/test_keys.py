"""Keys are shown once, stored hashed, checked at once everywhere."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.access.keys import KeyRing, parse_duration
from engine.access.principal import Principal
from engine.clock import FixedClock
from engine.errors import ConfigurationError, UsageError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def ring(tmp_path: Path, clock: FixedClock) -> KeyRing:
    return KeyRing(tmp_path / "data" / "keys.json", clock)


def test_a_key_opens_with_its_role_developer_and_projects(ring: KeyRing) -> None:
    key, secret = ring.create("developer", developer_id="alice", projects=("p",))
    assert ring.verify(secret) == Principal("developer", "alice", key.key_id, ("p",))


def test_a_key_names_its_environment_and_is_256_bits(ring: KeyRing) -> None:
    _, secret = ring.create("ingest", environment="test")
    assert secret.startswith("aa_test_")
    assert len(secret.removeprefix("aa_test_")) == 43


@pytest.mark.parametrize("wrong", ["", "aa_live_", "aa_live_" + "x" * 43, "\udcff", "ключ"])
def test_unknown_keys_open_nothing(ring: KeyRing, wrong: str) -> None:
    ring.create("admin")
    assert ring.verify(wrong) is None


def test_the_file_is_private_and_holds_no_key(ring: KeyRing) -> None:
    _, secret = ring.create("admin")
    text = ring.path.read_text()
    assert ring.path.stat().st_mode & 0o777 == 0o600
    assert secret not in text
    assert secret.split("_", 2)[2][10:] not in text


def test_a_key_ends_when_it_expires(ring: KeyRing, clock: FixedClock) -> None:
    key, secret = ring.create("viewer", expires_in=timedelta(days=90))
    clock.instant = NOW + timedelta(days=90) - timedelta(seconds=1)
    assert ring.verify(secret) is not None
    clock.instant = NOW + timedelta(days=90)
    assert ring.verify(secret) is None
    assert ring.all()[0].state(clock.now()) == "expired"
    assert key.expires_at == NOW + timedelta(days=90)


def test_another_process_sees_a_revocation_at_once(ring: KeyRing, clock: FixedClock) -> None:
    key, secret = ring.create("viewer")
    elsewhere = KeyRing(ring.path, clock)
    assert elsewhere.verify(secret) is not None
    ring.revoke(key.key_id)
    assert elsewhere.verify(secret) is None


def test_rotation_gives_the_same_rights_and_ends_the_old_key(ring: KeyRing, clock: FixedClock) -> None:
    old, old_secret = ring.create("lead", projects=("p",), expires_in=timedelta(days=10), environment="ci")
    clock.instant = NOW + timedelta(days=5)
    new, secret = ring.rotate(old.key_id)
    assert ring.verify(old_secret) is None
    assert ring.verify(secret) == Principal("lead", None, new.key_id, ("p",))
    assert new.expires_at == NOW + timedelta(days=15)
    assert secret.startswith("aa_ci_")
    assert ring.all()[0].replaced_by == new.key_id


def test_rotation_with_grace_lets_both_work_for_a_while(ring: KeyRing, clock: FixedClock) -> None:
    old, old_secret = ring.create("ingest")
    _, secret = ring.rotate(old.key_id, grace=timedelta(hours=1))
    assert ring.verify(old_secret) is not None
    clock.instant = NOW + timedelta(hours=1)
    assert ring.verify(old_secret) is None
    assert ring.verify(secret) is not None


def test_revoking_ends_a_key_in_its_grace_at_once(ring: KeyRing, clock: FixedClock) -> None:
    old, secret = ring.create("ingest")
    ring.rotate(old.key_id, grace=timedelta(days=1))
    assert ring.revoke(old.key_id).ends_at == NOW
    assert ring.verify(secret) is None


def test_revoking_twice_keeps_the_first_moment(ring: KeyRing, clock: FixedClock) -> None:
    key, _ = ring.create("ingest")
    ring.revoke(key.key_id)
    clock.instant = NOW + timedelta(hours=1)
    assert ring.revoke(key.key_id).revoked_at == NOW


def test_a_revoked_ingest_key_does_not_open_the_door_again(ring: KeyRing) -> None:
    assert not ring.any_ingest_key()
    ring.create("viewer")
    assert not ring.any_ingest_key()
    key, _ = ring.create("ingest")
    ring.revoke(key.key_id)
    assert ring.any_ingest_key()


def test_keys_made_at_the_same_time_are_all_kept(ring: KeyRing, clock: FixedClock) -> None:
    rings = [KeyRing(ring.path, clock) for _ in range(8)]
    threads = [threading.Thread(target=each.create, args=("viewer",)) for each in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ring.all()) == 8


def test_wrong_wishes_are_named(ring: KeyRing) -> None:
    with pytest.raises(UsageError, match="no role 'king'"):
        ring.create("king")
    with pytest.raises(UsageError, match="needs a developer"):
        ring.create("developer")
    with pytest.raises(UsageError, match="environment"):
        ring.create("viewer", environment="Live!")
    with pytest.raises(UsageError, match="no key key_x"):
        ring.revoke("key_x")
    key, _ = ring.create("viewer")
    ring.revoke(key.key_id)
    with pytest.raises(UsageError, match="is revoked"):
        ring.rotate(key.key_id)


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"version": 1}',
        '{"version": 1, "keys": [{"role": "king"}]}',
        '{"version": 1, "keys": [3]}',
        '{"version": 1, "keys": {"a": 1}}',
        '{"version": 1, "keys": [{"key_id": 3, "role": "admin", "hash": "", "hint": "", "created_at": "2026-01-01Z"}]}',
        '{"version": 1, "keys": [{"key_id": "k", "role": "admin", "hash": "", "hint": "", "created_at": "2026-01"}]}',
        '{"version": 1, "keys": [{"key_id": "", "role": "admin", "hash": "", "hint": "", "created_at": "2026-01-01"}]}',
        '{"version": 2}',
    ],
)
def test_a_damaged_file_opens_nothing_and_says_so(ring: KeyRing, text: str) -> None:
    ring.create("viewer")
    ring.path.write_text(text)
    with pytest.raises(ConfigurationError, match=str(ring.path)):
        ring.verify("x")


def test_a_file_edited_twice_within_a_moment_is_read_again(ring: KeyRing, clock: FixedClock) -> None:
    _, secret = ring.create("viewer")
    assert ring.verify(secret) is not None
    document = json.loads(ring.path.read_text())
    stat = ring.path.stat()
    document["keys"][0]["revoked_at"] = NOW.isoformat()
    ring.path.write_text(json.dumps(document))
    os.utime(ring.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert ring.verify(secret) is None


@pytest.mark.parametrize(
    ("text", "length"),
    [("90d", timedelta(days=90)), ("12h", timedelta(hours=12)), ("30m", timedelta(minutes=30)), ("2w", timedelta(14))],
)
def test_lengths_of_time(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "0d", "1y", "1.5h"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(UsageError, match="not a length of time"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["999999999d", "99999999999999999999d", "5300w"])
def test_a_length_beyond_a_century_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"length of time|century"):
        parse_duration(text)
