-- One row per (project, commit), with the agent's part in it and its share of the ledger. Lines per token and per dollar
-- tell of activity, not of value.
{{ config(
    materialized='incremental', unique_key='commit_hash', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'commit', 'key': 'commit_hash',
                 'touches': {'day': 'cast(commit_date as varchar)'}}}
) }}

with ledger as (
    select
        project_id, commit_hash,
        cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
        cast(sum(total_tokens) as bigint) as tokens_used
    from {{ ref('fct_commit_costs') }}
    where commit_hash is not null and {{ touched('commit', 'commit_hash') }}
    group by project_id, commit_hash
),

commits as (
    select
        c.*,
        coalesce(c.lines_added, 0) + coalesce(c.lines_deleted, 0) as lines_changed,
        l.cost_usd,
        l.tokens_used
    from {{ ref('int_commits_with_agent_context') }} as c
    left join ledger as l on l.project_id = c.project_id and l.commit_hash = c.commit_hash
    where {{ touched('commit', 'c.commit_hash') }}
)

select
    commit_hash,
    project_id,
    developer_id,
    author_name,
    author_email,
    commit_timestamp,
    commit_date,
    cast(extract(hour from {{ report_time('commit_timestamp') }}) as integer) as commit_hour,
    cast(extract(dow from {{ report_time('commit_timestamp') }}) as integer) as commit_day_of_week,
    commit_subject,
    commit_message,
    branch,
    is_merge,
    files_changed,
    lines_added,
    lines_deleted,
    cast(lines_changed as bigint) as lines_changed,
    commit_size,
    is_agent_assisted,
    attribution,
    confidence,
    method,
    agent_type,
    agent_session_id,
    model_name,
    tokens_used,
    cost_usd,
    agent_session_duration as agent_duration_seconds,
    seconds_after_session,
    case when tokens_used > 0
        then cast(cast(lines_changed as decimal(18, 0)) * 1000 / tokens_used as double) end as lines_per_1k_tokens,
    case when cost_usd > 0 then cast(lines_changed as double) / cast(cost_usd as double) end as lines_per_dollar
from commits
