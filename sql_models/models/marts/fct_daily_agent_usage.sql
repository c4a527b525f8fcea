-- One row per (day, developer, agent, model as seen): usage, money and assisted commits.
select
    date,
    developer_id,
    agent_type,
    model_name,
    total_sessions,
    active_sessions,
    total_duration_seconds,
    avg_duration_seconds,
    cast(total_duration_seconds as double) / 3600 as total_duration_hours,
    request_count,
    error_count,
    total_input_tokens,
    total_cache_read_tokens,
    total_cache_creation_tokens,
    total_output_tokens,
    total_tokens,
    unpriced_tokens,
    total_cost_usd,
    cost_basis,
    avg_cost_per_session_usd,
    agent_assisted_commits,
    agent_assisted_lines_added,
    agent_assisted_lines_deleted,
    case when agent_assisted_commits > 0
        then cast(total_cost_usd as double) / agent_assisted_commits end as cost_per_commit_usd,
    case when agent_assisted_commits > 0
        then cast(total_tokens as double) / agent_assisted_commits end as tokens_per_commit,
    case when total_tokens > 0
        then cast(agent_assisted_lines_added as double) * 1000 / total_tokens end as lines_per_1k_tokens
from {{ ref('int_agent_daily_aggregates') }}
