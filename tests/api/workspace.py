"""A small team in a real database: raw rows through the writer, models through the runner."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.modelrunner.live import LiveLoop
from engine.modelrunner.project import Project
from engine.store import migrations
from engine.store.database import Database
from engine.store.reader import Reader
from engine.store.rows import RawRows, dedup_key
from engine.store.writer import Writer

MODELS = Path(__file__).parents[2] / "sql_models"
NOW = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
WEB = "github.com/acme/web"
PAYMENTS = "github.com/acme/payments-api"
ALICE, BOB, CAROL, DAVE = (f"{name}@example.org" for name in ("alice", "bob", "carol", "dave"))


def at(text: str) -> datetime:
    """`11:50` of the fixed day, or a whole ISO instant."""
    if len(text) == 5:
        return datetime.fromisoformat(f"2026-11-05T{text}:00+00:00")
    return datetime.fromisoformat(text)


class Workspace:
    """A data directory's database with its writer, its reader and its models."""

    def __init__(self, folder: Path, zone: str = "UTC") -> None:
        self.zone = zone
        self.database = Database.open(folder / "agent_analytics.duckdb")
        migrations.migrate(self.database)
        self.reader = Reader(self.database)
        self._writer = Writer(self.database)
        self._offset = 0
        self._loop: LiveLoop | None = None
        self._project = Project.load(
            MODELS, profiles_dir=MODELS, variables={"report_timezone": zone}, say=lambda line: None
        )

    def close(self) -> None:
        self.reader.close()
        if self._loop is not None:
            self._loop.close()
        self._writer.close()
        self.database.close()

    def write(self, rows: RawRows) -> int:
        """Insert rows as one batch and bring the models up to date; gives the batch's number."""
        self._offset += 1
        applied = self._writer.write(self._writer.catalogue.to_arrow(rows, NOW), self._offset)
        self.refresh()
        return applied.batch_id

    def refresh(self) -> None:
        """Build the models at first, later refresh what new rows touch, as a running engine does."""
        if self._loop is None:
            self._loop = LiveLoop(self._project, self.database.cursor)
            self._loop.start()
        self._loop.refresh()


class Rows:
    """Raw rows in the words of the tests."""

    def __init__(self) -> None:
        self.raw = RawRows()

    def _append(self, table: str, **values: Any) -> None:
        key = str(uuid.UUID(dedup_key(table, [repr(sorted(values.items(), key=lambda item: item[0]))])))
        self.raw.append(table, {"dedup_key": key, "received_at": NOW, **values})

    def request(
        self,
        session: str | None,
        developer: str,
        when: str,
        *,
        agent: str = "claude_code",
        model: str = "claude-opus-4-5",
        cost: str | None = None,
        tokens: tuple[int, int, int, int] = (1000, 5000, 0, 200),
        error: int | None = None,
        **more: Any,
    ) -> Rows:
        """A model call as OTLP tells it; tokens are input, cache read, cache write, output."""
        codex = agent == "codex"
        given, read, written, output = tokens
        self._append(
            "otel_logs",
            timestamp=at(when),
            agent_type=agent,
            service_name=agent,
            service_version="2.1.0",
            developer_id=developer,
            session_id=session,
            event_name="api_error" if error else "sse_event" if codex else "api_request",
            request_id=None if error else f"req-{session}-{when}-{given}",
            model=model,
            input_tokens=None if error else given + (read + written if codex else 0),
            cache_read_tokens=None if error else read,
            cache_write_tokens=None if error else written,
            output_tokens=None if error else output,
            cost_usd=None if cost is None else Decimal(cost),
            duration_ms=1500,
            status_code=error,
            success=None,
            **more,
        )
        return self

    def history(self, session: str, developer: str, when: str, tokens: tuple[int, int, int, int]) -> Rows:
        """A model call as the agent's own history tells it; tokens are input, cache read, cache write, output."""
        given, read, written, output = tokens
        self._append(
            "transcript_usage",
            timestamp=at(when),
            agent_type="claude_code",
            developer_id=developer,
            session_id=session,
            is_sidechain=False,
            message_id=f"msg-{session}-{when}",
            model="claude-opus-4-5",
            input_tokens=given,
            cache_read_tokens=read,
            cache_write_5m_tokens=0,
            cache_write_1h_tokens=0,
            cache_write_unknown_tokens=written,
            output_tokens=output,
            success=True,
        )
        return self

    def tool(self, session: str, developer: str, when: str, name: str, *, success: bool = True, **more: Any) -> Rows:
        self._append(
            "otel_logs",
            timestamp=at(when),
            agent_type=more.pop("agent", "claude_code"),
            developer_id=developer,
            session_id=session,
            event_name="tool_result",
            tool_name=name,
            tool_use_id=f"tool-{session}-{when}-{name}",
            duration_ms=2000,
            success=success,
            **more,
        )
        return self

    def context(
        self, session: str, when: str, event: str, project: str, branch: str, agent: str = "claude_code"
    ) -> Rows:
        self._append(
            "session_context",
            timestamp=at(when),
            agent_type=agent,
            session_id=session,
            event=event,
            project_id=project,
            branch=branch,
            source="hook",
        )
        return self

    def commit(self, sha: str, project: str, author: str, when: str, subject: str, lines: tuple[int, int]) -> Rows:
        self._append(
            "git_commits",
            project_id=project,
            commit_hash=sha.ljust(40, "0"),
            commit_message=subject,
            author_name=author.partition("@")[0].title(),
            author_email=author,
            author_timestamp=at(when),
            commit_timestamp=at(when),
            parents="",
            branch="main",
            files_changed=2,
            lines_added=lines[0],
            lines_deleted=lines[1],
            lines_added_total=lines[0],
            lines_deleted_total=lines[1],
            source="watch",
        )
        return self

    def evidence(self, sha: str, project: str, session: str, kind: str = "hook_environment") -> Rows:
        self._append(
            "git_commit_evidence",
            project_id=project,
            commit_hash=sha.ljust(40, "0"),
            kind=kind,
            agent_type="claude_code",
            session_id=session,
            observed_at=NOW,
        )
        return self

    def repository(self, project: str) -> Rows:
        self._append(
            "repositories",
            project_id=project,
            project_name=project.rpartition("/")[2],
            remote_url=f"https://{project}",
            watched=True,
        )
        return self

    def model(self, name: str, provider: str, prices: tuple[str, str, str]) -> Rows:
        """A model that the price book knows; prices per million of input, cache read and output."""
        self._append("model_names", model_name=name, provider=provider, model_id=name)
        given, read, output = (Decimal(price) for price in prices)
        self._append(
            "model_prices",
            provider=provider,
            model_id=name,
            speed="standard",
            valid_from=datetime(2020, 1, 1, tzinfo=UTC),
            tier_above_input_tokens=0,
            input_usd_per_mtok=given,
            cache_read_usd_per_mtok=read,
            cache_write_5m_usd_per_mtok=given,
            cache_write_1h_usd_per_mtok=given,
            output_usd_per_mtok=output,
            price_source="test",
            priority=1,
        )
        return self


def team() -> RawRows:
    """Alice lives in web with Claude Code, Bob pauses in payments-api with Codex.

    Carol's model has no price, and Dave sends no telemetry.
    """
    rows = Rows()
    rows.model("claude-opus-4-5", "anthropic", ("5", "0.5", "25")).model("gpt-5.6", "openai", ("1.25", "0.125", "10"))
    rows.repository(WEB).repository(PAYMENTS)
    rows.context("s-live", "11:48", "start", WEB, "main")
    rows.request("s-live", ALICE, "11:50", cost="0.10")
    rows.request("s-live", ALICE, "11:55", cost="0.20", query_source="agent:custom", agent_name="explorer")
    rows.request("s-live", ALICE, "11:56", error=529)
    rows.request("s-live", ALICE, "11:59", cost="0.30", tokens=(2000, 10000, 500, 400))
    rows.tool("s-live", ALICE, "11:51", "Bash").tool("s-live", ALICE, "11:57", "Edit", success=False)
    rows.context("s-idle", "11:40", "start", PAYMENTS, "feat/refunds", "codex")
    rows.request("s-idle", BOB, "11:52", agent="codex", model="gpt-5.6", tokens=(10000, 0, 0, 1000))
    rows.tool("s-idle", BOB, "11:51", "shell", agent="codex")
    rows.context("s-night", "2026-11-04T23:20:00+00:00", "start", WEB, "feat/night")
    rows.request("s-night", ALICE, "2026-11-04T23:30:00+00:00", cost="1.00")
    rows.request("s-night", ALICE, "00:30", cost="2.00")
    rows.context("s-night", "00:31", "end", WEB, "feat/night")
    rows.request("s-unpriced", CAROL, "2026-10-30T09:00:00+00:00", model="glm-4.7", tokens=(700, 0, 0, 300))
    rows.commit("aaaa1111", WEB, ALICE, "11:58", "honour the refund window", (120, 14)).evidence(
        "aaaa1111", WEB, "s-live"
    )
    rows.commit("bbbb2222", PAYMENTS, BOB, "11:53", "retry with jitter", (64, 23))
    rows.commit("cccc3333", WEB, CAROL, "2026-10-20T10:00:00+00:00", "docs", (3, 1))
    rows.commit("dddd4444", WEB, DAVE, "2026-11-03T10:00:00+00:00", '=cmd|"/c calc"!A1', (9, 0))
    return rows.raw


def many(count: int, start: int = 0) -> RawRows:
    """`count` sessions of one request each, a minute apart, for paging."""
    rows = Rows()
    for number in range(start, start + count):
        when = (datetime(2026, 9, 1, tzinfo=UTC) + timedelta(minutes=number)).isoformat()
        rows.request(f"page-{number:04d}", ALICE, when, cost=f"0.{number % 7}")
    return rows.raw
