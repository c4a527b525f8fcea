"""engine.repos.evidence: signs of agents in commits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.repos.evidence import of_commit, of_note
from engine.repos.log import Commit, Moment

HASH = "a" * 40


def commit(
    message: str = "x",
    trailers: tuple[tuple[str, str], ...] = (),
    author: tuple[str, str] = ("Ada", "ada@example.com"),
    committer: tuple[str, str] = ("Ada", "ada@example.com"),
) -> Commit:
    moment = Moment(1_700_000_000, 0)
    return Commit(HASH, (), "", *author, moment, *committer, moment, message, trailers, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("key", "value", "agent"),
    [
        ("Co-Authored-By", "Claude Opus 5 <noreply@anthropic.com>", "claude_code"),
        ("co-authored-by", "Codex <noreply@openai.com>", "codex"),
        ("Co-authored-by", "Copilot <223556219+Copilot@users.noreply.github.com>", "github_copilot"),
        ("Co-authored-by", "GitHub Copilot <copilot@github.com>", "github_copilot"),
        ("Co-authored-by", "Cursor <cursoragent@cursor.com>", "cursor"),
        ("Co-authored-by", "aider (gpt-5) <noreply@aider.chat>", "other"),
        ("Assisted-by", "Claude:claude-opus-5 [lint]", "claude_code"),
        ("Assisted-by", "Codex (gpt-5)", "codex"),
    ],
)
def test_a_trailer_names_the_agent(key: str, value: str, agent: str) -> None:
    (found,) = of_commit(commit(trailers=((key, value),)))
    assert (found.kind, found.agent_type, found.session_id) == ("agent_trailer", agent, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Co-authored-by", "Grace Hopper <grace@example.com>"),
        ("Co-authored-by", "Claude <claude.monet@example.com>"),
        ("Signed-off-by", "Claude <noreply@anthropic.com>"),
        ("Assisted-by", "Grace Hopper"),
    ],
)
def test_people_are_no_agents(key: str, value: str) -> None:
    assert of_commit(commit(trailers=((key, value),))) == ()


@pytest.mark.parametrize(
    ("value", "session"),
    [
        (
            "https://claude.ai/code/9d1bd6a4-41b9-4e0c-9a7b-2f6a0c4a1b2c",
            "9d1bd6a4-41b9-4e0c-9a7b-2f6a0c4a1b2c",
        ),
        ("https://claude.ai/code/session_01AbCdEf", "session_01AbCdEf"),
        ("https://claude.ai/code/plain/", "plain"),
    ],
)
def test_a_session_trailer_names_the_session(value: str, session: str) -> None:
    (found,) = of_commit(commit(trailers=(("Claude-Session", value),)))
    assert (found.kind, found.agent_type, found.session_id) == ("session_trailer", "claude_code", session)


def test_an_author_that_is_a_bot_is_evidence_once() -> None:
    bot = ("copilot-swe-agent[bot]", "198982749+Copilot@users.noreply.github.com")
    (found,) = of_commit(commit(author=bot, committer=bot))
    assert (found.kind, found.agent_type) == ("bot_author", "github_copilot")


def test_a_bot_that_is_no_coding_agent_is_none() -> None:
    bot = ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com")
    assert of_commit(commit(author=bot)) == ()


def test_a_line_of_the_message_names_the_agent() -> None:
    message = "Fix\n\n🤖 Generated with [Claude Code](https://claude.com/claude-code)\n"
    (found,) = of_commit(commit(message))
    assert (found.kind, found.agent_type) == ("agent_trailer", "claude_code")


def test_generated_with_something_else_is_no_evidence() -> None:
    assert of_commit(commit("Update\n\nGenerated with protoc 3.21\n")) == ()


def test_a_note_of_git_ai_names_sessions() -> None:
    note = "src/a.py\n  s_1::t_2 1-10\n---\n" + json.dumps(
        {
            "schema_version": "authorship/3.0.0",
            "sessions": {"s_1": {"agent_id": {"tool": "claude", "id": "abc", "model": "opus"}}},
            "prompts": {"p": {"agent_id": {"tool": "newcomer", "id": "xyz", "model": None}}},
        }
    )
    found = of_note(HASH, note)
    assert [(sign.kind, sign.agent_type, sign.session_id, sign.value) for sign in found] == [
        ("git_ai_note", "claude_code", "abc", "claude opus"),
        ("git_ai_note", "other", "xyz", "newcomer"),
    ]


@given(st.text(max_size=200))
def test_any_other_note_is_ignored(note: str) -> None:
    assert of_note(HASH, note) == ()


@given(
    st.dictionaries(
        st.sampled_from(["sessions", "prompts", "humans"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["agent_id", "tool", "id", "model", "s"]), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    )
)
def test_a_note_of_any_shape_never_raises(body: object) -> None:
    assert isinstance(of_note(HASH, "---\n" + json.dumps(body)), tuple)


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_any_text_in_a_commit_is_read(message: str, key: str, value: str) -> None:
    assert isinstance(of_commit(commit(message, ((key, value),), (key, value))), tuple)
