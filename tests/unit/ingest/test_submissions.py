"""What hooks and programs post: read strictly, explained line by line, stored once."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ingest.submission_parts import Sender
from engine.ingest.submissions import READERS, Submission, WrongSubmission, read
from engine.repos import scan
from engine.store.catalogue import current

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOBODY = Sender()
COMMIT: dict[str, Any] = {
    "commit_hash": "A" * 40,
    "commit_message": "Subject\n\nBody",
    "author_name": "Alice",
    "author_email": "Alice@Example.com",
    "timestamp": 1763640000,
    "files_changed": 1,
    "lines_added": 10,
    "lines_deleted": 2,
}


def post(kind: str, document: Any, sender: Sender = NOBODY) -> Submission:
    found = read(kind, json.dumps(document).encode(), sender, NOW)
    current().to_arrow(found.rows, NOW)  # what is read can be stored
    return found


def row(found: Submission, table: str, index: int = 0) -> dict[str, Any]:
    return {name: values[index] for name, values in found.rows.tables[table].items()}


def mistakes(kind: str, document: Any, sender: Sender = NOBODY) -> dict[str, str]:
    with pytest.raises(WrongSubmission) as caught:
        post(kind, document, sender)
    return dict(caught.value.problems)


def test_a_commit_as_the_seeds_send_it() -> None:
    stored = row(post("commits", COMMIT), "git_commits")
    assert stored["commit_hash"] == "a" * 40
    assert stored["commit_timestamp"] == datetime.fromtimestamp(1763640000, UTC)
    assert stored["developer_id"] == "alice@example.com"
    assert (stored["lines_added"], stored["lines_deleted"], stored["source"]) == (10, 2, "api")


def test_numbers_from_a_shell_are_numbers() -> None:
    stored = row(post("commits", COMMIT | {"timestamp": "1763640000", "lines_added": "7"}), "git_commits")
    assert (stored["commit_timestamp"].timestamp(), stored["lines_added"]) == (1763640000, 7)


def test_the_order_of_fields_and_forms_of_time_do_not_matter() -> None:
    other = dict(reversed(COMMIT.items())) | {"timestamp": "2025-11-20T13:00:00+01:00"}
    keys = {row(post("commits", document), "git_commits")["dedup_key"] for document in (COMMIT, other)}
    assert len(keys) == 1


def test_another_sender_of_the_same_commit_gives_the_same_key() -> None:
    by_key = post("commits", COMMIT, Sender(developer_id="ci"))
    assert row(by_key, "git_commits")["developer_id"] == "ci"
    assert row(by_key, "git_commits")["dedup_key"] == row(post("commits", COMMIT), "git_commits")["dedup_key"]


def test_the_project_is_the_remote_without_its_credentials() -> None:
    found = post("commits", COMMIT | {"remote_url": "https://user:secret@GitHub.com/acme/web.git", "branch": "main"})
    assert row(found, "git_commits")["project_id"] == "github.com/acme/web"
    repository = row(found, "repositories")
    assert (repository["project_name"], repository["watched"]) == ("web", False)
    assert "secret" not in str(found.rows.tables)


def test_without_a_project_the_senders_counts() -> None:
    for sender, project in (
        (NOBODY, "unassigned"),
        (Sender(project="p"), "p"),
        (Sender(projects=("only",)), "only"),
    ):
        assert row(post("commits", COMMIT, sender), "git_commits")["project_id"] == project


def test_a_key_of_some_projects_writes_no_others() -> None:
    sender = Sender(projects=("a", "b"))
    assert row(post("commits", COMMIT | {"project_id": "b"}, sender), "git_commits")["project_id"] == "b"
    for document in (COMMIT | {"project_id": "c"}, COMMIT):
        assert "this key may write" in mistakes("commits", document, sender)["/project_id"]


@pytest.mark.parametrize("mode", ["full", "subject", "hash", "none"])
def test_messages_are_kept_as_the_engine_keeps_those_it_reads_itself(mode: str) -> None:
    stored = row(post("commits", COMMIT, Sender(commit_messages=mode)), "git_commits")["commit_message"]
    assert stored == scan.stored_message("Subject\n\nBody", scan.message_mode(mode))


def test_without_full_messages_only_trailers_of_agents_are_kept() -> None:
    trailers = {"Co-Authored-By": ["Claude <noreply@anthropic.com>"], "Fixes": "the secret"}
    document = COMMIT | {"trailers": trailers}
    pairs = [["Co-Authored-By", "Claude <noreply@anthropic.com>"], ["Fixes", "the secret"]]
    everything = row(post("commits", document), "git_commits")["trailers"]
    assert row(post("commits", document | {"trailers": pairs}), "git_commits")["trailers"] == everything
    assert json.loads(everything) == {"co-authored-by": ["Claude <noreply@anthropic.com>"], "fixes": ["the secret"]}
    some = row(post("commits", document, Sender(commit_messages="none")), "git_commits")["trailers"]
    assert json.loads(some) == {"co-authored-by": ["Claude <noreply@anthropic.com>"]}


def test_evidence_comes_with_its_commit() -> None:
    signs = [{"kind": "hook_environment", "agent_type": "claude", "session_id": "s", "observed_at": 1763640001}]
    found = post("commits", COMMIT | {"evidence": signs})
    sign = row(found, "git_commit_evidence")
    assert (sign["commit_hash"], sign["kind"], sign["session_id"]) == ("a" * 40, "hook_environment", "s")
    assert sign["observed_at"] == datetime.fromtimestamp(1763640001, UTC)


def test_every_mistake_has_its_place() -> None:
    wrong = COMMIT | {
        "commit_hash": "12",
        "timestamp": None,
        "lines_added": -1,
        "agent_assisted": "yes",
        "parents": [1],
    }
    assert mistakes("commits", [COMMIT, wrong, 7]) == {
        "/1/commit_hash": "must be a whole commit hash",
        "/1/timestamp": "is required",
        "/1/lines_added": "must be between 0 and 1000000000000",
        "/1/agent_assisted": "must be true or false, not text",
        "/1/parents": "must be whole commit hashes",
        "/2": "must be an object",
    }


@pytest.mark.parametrize("when", ["2026-11-20", "2026-11-20T12:00:00", "soon", -5, 1e30, True, [], "99999999999999999"])
def test_what_is_no_instant(when: object) -> None:
    assert "/timestamp" in mistakes("commits", COMMIT | {"timestamp": when})


def test_unknown_fields_are_named_and_ignored() -> None:
    assert post("commits", [COMMIT | {"comit_message": "x"}]).ignored == ("/0/comit_message",)
    assert post("commits", COMMIT).ignored == ()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b'"x"', b"\xff", b"[" * 2000])
def test_what_is_no_document(body: bytes) -> None:
    for kind in READERS:
        with pytest.raises(WrongSubmission):
            read(kind, body, NOBODY, NOW)


def test_a_refusal_never_repeats_the_content() -> None:
    wrong = COMMIT | {
        "commit_hash": "marker",
        "timestamp": "marker",
        "trailers": ["marker"],
        "agent_assisted": "marker",
    }
    with pytest.raises(WrongSubmission) as caught:
        post("commits", wrong)
    assert "marker" not in f"{caught.value} {caught.value.problems}"


def test_copilots_day_under_both_names() -> None:
    new = {"day": "2026-11-20", "total_suggestions": 9, "total_acceptances": 3, "total_active_users": 2}
    old = {"date": "2026-11-20", "total_suggestions_count": 9, "total_acceptances_count": 3, "total_active_users": 2}
    stored = [row(post("copilot-metrics", document), "copilot_metrics") for document in (new, old)]
    assert stored[0] == stored[1]
    assert (stored[0]["date"], stored[0]["scope"], stored[0]["total_suggestions"]) == (date(2026, 11, 20), "org", 9)


def test_an_event_keeps_numbers_and_drops_texts() -> None:
    event = {"event_type": "x", "timestamp": NOW.isoformat(), "metadata": {"n": 1, "ok": True, "prompt": "secret"}}
    found = post("events", event)
    assert row(found, "events")["attributes"] == '{"n":1,"ok":true}'
    assert row(found, "dropped_attributes")["attribute_name"] == "prompt"
    assert "secret" not in str(found.rows.tables)
    opted_in = post("events", event, Sender(include_prompts=True))
    assert json.loads(row(opted_in, "events")["attributes"])["prompt"] == "secret"


def test_an_event_with_an_id_is_that_event() -> None:
    first = post("events", {"event_type": "x", "id": "1"})
    second = post("events", {"event_type": "x", "id": "1", "duration_ms": 5})
    third = post("events", {"event_type": "x", "id": "2"})
    keys = [row(found, "events")["dedup_key"] for found in (first, second, third)]
    assert keys[0] == keys[1] != keys[2]


def test_the_metric_events_names_are_understood() -> None:
    event = {"id": "1", "timestamp": NOW.isoformat(), "source": "claude-cli", "type": "performance",
             "projectId": "p", "sessionId": "s", "agentType": "worker", "payload": {"duration": 5}}  # fmt: skip
    stored = row(post("events", event), "events")
    names = ("event_type", "source", "project_id", "session_id", "agent_type", "attributes")
    assert tuple(stored[name] for name in names) == ("performance", "claude-cli", "p", "s", "worker", '{"duration":5}')


def test_money_is_exact() -> None:
    for given_amount in ("0.1", 0.1):
        stored = row(post("events", {"event_type": "x", "cost_usd": given_amount}), "events")
        assert stored["cost_usd"] == Decimal("0.1")
    for wrong in (-1, "NaN", "x", True, "1e400"):
        assert "/cost_usd" in mistakes("events", {"event_type": "x", "cost_usd": wrong})


def test_a_folder_names_the_project_for_local_senders_only(tmp_path: Path) -> None:
    context = {"agent_type": "copilot", "session_id": "s", "event": "start", "cwd": str(tmp_path)}
    near = row(post("sessions/context", context, Sender(local=True)), "session_context")
    far = row(post("sessions/context", context), "session_context")
    assert near["project_id"].startswith("path:")
    assert far["project_id"] is None
    assert near["cwd_hash"] == far["cwd_hash"]
    assert near["agent_type"] == "github_copilot"
    assert str(tmp_path) not in str(near)


def test_usage_rows_are_numbers() -> None:
    usage = {
        "agent_type": "codex",
        "timestamp": NOW.isoformat(),
        "session_id": "s",
        "model": "gpt-5",
        "input_tokens": 5,
    }
    stored = row(post("usage", usage), "transcript_usage")
    assert (stored["input_tokens"], stored["output_tokens"], stored["timestamp"]) == (5, None, NOW)
    assert mistakes("usage", usage | {"input_tokens": "many"}) == {"/input_tokens": "must be a whole number, not text"}


def test_the_developer_by_precedence() -> None:
    sender = Sender(developer_hint="header", local_developer="local")
    assert (
        row(post("events", {"event_type": "x"}, Sender(local_developer="local")), "events")["developer_id"] == "local"
    )
    assert row(post("events", {"event_type": "x"}, sender), "events")["developer_id"] == "header"
    said = {"event_type": "x", "user_id": "said"}
    assert row(post("events", said, sender), "events")["developer_id"] == "said"
    assert row(post("events", said, replace(sender, developer_id="key")), "events")["developer_id"] == "key"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    [
        *COMMIT,
        "day",
        "event_type",
        "metadata",
        "trailers",
        "parents",
        "evidence",
        "remote_url",
        "cwd",
        "agent_type",
        "session_id",
        "language_breakdown",
        "cost_usd",
        "source",
        "project_id",
    ]
)


@given(kind=st.sampled_from(sorted(READERS)), document=st.dictionaries(names, json_values, max_size=8))
def test_any_document_is_stored_or_refused(kind: str, document: dict[str, Any]) -> None:
    with contextlib.suppress(WrongSubmission):
        post(kind, document)
