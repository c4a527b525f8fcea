"""What several views have in common.

Owns the targets of filter fields that recur (developers, projects, models, times of usage, sessions and commits) and
the columns that recur. Refuses whole views.
"""

from __future__ import annotations

from engine.api.views.declaration import Column
from engine.filters.to_sql import Target


def people(column: str, dimension: str | None = "d") -> Target:
    """A developer by id, by the local part of an e-mail id, by name or by e-mail."""
    more = () if dimension is None else (f"{dimension}.developer_name", f"{dimension}.developer_email")
    return Target((column, f"split_part({column}, '@', 1)", *more))


def people_of(alias: str) -> Target:
    """As `people`, for rows too many to be joined with the developers first."""
    names = Target(("d.developer_name", "d.developer_email"), around=_DEVELOPERS.replace("ALIAS", alias))
    return Target((f"{alias}.developer_id", f"split_part({alias}.developer_id, '@', 1)"), also=(names,))


def places_of(alias: str) -> Target:
    """As `places`, for rows too many to be joined with the projects first."""
    names = Target(("p.project_name",), around=_PROJECTS.replace("ALIAS", alias))
    return Target((f"{alias}.project_id", f"regexp_replace({alias}.project_id, '^[^/]+/', '')"), also=(names,))


def words_of(alias: str, *columns: str) -> Target:
    """Free words in columns of `alias`, and in the names of developer and project without joining them first."""
    return Target(
        tuple(f"{alias}.{column}" for column in ("developer_id", "project_id", *columns)),
        also=(*people_of(alias).also, *places_of(alias).also),
    )


_DEVELOPERS = "ALIAS.developer_id in (select d.developer_id from mart.dim_developers as d where {})"
_PROJECTS = "ALIAS.project_id in (select p.project_id from mart.dim_projects as p where {})"


def places(column: str) -> Target:
    """A project by id, by owner/name or by name."""
    return Target((column, f"regexp_replace({column}, '^[^/]+/', '')", "p.project_name"))


def short_model(column: str) -> str:
    """A model's name without vendor path and family prefix, so that `model:opus*` finds claude-opus-4-5."""
    return f"regexp_replace(lower({column}), '^(.*/)?(claude-)?', '')"


def model_names(*columns: str) -> Target:
    return Target((*columns, *(short_model(column) for column in columns)))


def age(column: str) -> Target:
    return Target((f"(epoch($now::timestamptz) - epoch({column}))",))


def usage_targets(alias: str, day: str, people_from: str | None = "d") -> dict[str, Target]:
    """Fields answered by rows of usage: of `fct_daily_usage`, or of the requests below it."""
    targets = {
        "agent": Target((f"{alias}.agent_type",)),
        "model": model_names(f"{alias}.model_id", f"{alias}.model_name"),
        "project": places(f"{alias}.project_id"),
        "branch": Target((f"{alias}.branch",)),
        "kind": Target((f"{alias}.query_source",)),
        "since": Target((f"{alias}.{day}",), by_day=True),
        "until": Target((f"{alias}.{day}",), by_day=True),
    }
    if people_from is not None:
        targets["dev"] = people(f"{alias}.developer_id", people_from)
    return targets


def session_targets(alias: str) -> dict[str, Target]:
    """Fields answered by rows of `fct_sessions` wherever they are counted."""
    return {
        "agent": Target((f"{alias}.agent_type",)),
        "model": Target(
            model_names("model_id", "model_name").expressions,
            # Names are matched once each, and not once per session.
            around=f"list_has_any({alias}.models, (select coalesce(list(distinct coalesce(model_id, model_name)), [])"
            " from mart.fct_daily_usage where {}))",
        ),
        "project": places(f"{alias}.project_id"),
        "branch": Target((f"{alias}.branch",)),
        "since": Target((f"{alias}.last_event_at",)),
        "until": Target((f"{alias}.session_start",)),
    }


def commit_targets(alias: str) -> dict[str, Target]:
    """Fields answered by rows of `fct_git_commits` wherever they are counted."""
    return {
        "agent": Target((f"{alias}.agent_type",)),
        "model": model_names(f"{alias}.model_name"),
        "project": places(f"{alias}.project_id"),
        "branch": Target((f"{alias}.branch",)),
        "since": Target((f"{alias}.commit_timestamp",)),
        "until": Target((f"{alias}.commit_timestamp",)),
    }


TOKENS = (
    Column("input_tokens", "integer", "uncached input tokens"),
    Column("cache_read_tokens", "integer", "tokens read from cache"),
    Column("cache_write_tokens", "integer", "tokens written to cache"),
    Column("output_tokens", "integer", "output tokens, reasoning included"),
)
TOTAL_TOKENS = Column("total_tokens", "integer", "input, cache read, cache write and output")
UNPRICED = Column("unpriced_tokens", "integer", "tokens of requests whose cost is unknown")
COST = Column("cost_usd", "money", "US dollars; reported by the client where it knows the model, else priced")
COST_SOURCES = (
    Column("cost_reported_usd", "money", "US dollars as the client reported them"),
    Column("cost_priced_usd", "money", "US dollars by the price book"),
)
COST_PAID = (
    Column("covered_usd", "money", "part of the cost whose calls a declared plan covers; unknown where none does"),
    Column("paid_usd", "money", "US dollars paid for declared plans; unknown where none is declared"),
)
"""What plans cover and what they cost: `cost_usd` is what the same calls cost on the API, never what was paid."""
COST_BASIS = Column("cost_basis", "text", "reported, priced, mixed or unpriced")
DEVELOPER = (
    Column("developer_id", "text", "developer"),
    Column("developer_name", "text", "the developer's name"),
)
PROJECT = (
    Column("project_id", "text", "git repository"),
    Column("project_name", "text", "the repository's name"),
)
LATE_NAMES = (
    DEVELOPER[0],
    Column("developer_name", "text", "the developer's name", ordered=False),
    PROJECT[0],
    Column("project_name", "text", "the repository's name", ordered=False),
)
"""Where names are added to a page only: rows cannot be put in their order."""
MODEL_WORDS = "array_to_string(s.models, ' ')"
