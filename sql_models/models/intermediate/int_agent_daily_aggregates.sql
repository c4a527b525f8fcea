-- One row per (day, developer, agent, model as seen). Requests count on the day they were made, sessions on the day they
-- began under their main model, assisted commits on the day of the commit under their session's model: each at its own
-- grain first, never joined before they are summed.
{{ config(
    materialized='incremental', unique_key='date', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'developer_day', 'key': "cast(date as varchar) || ' ' || developer_id",
                 'within': 'date in (select distinct cast(left(key, 10) as date) from aa_touched_developer_day)'}}
) }}

with usage as (
    select
        usage_date as date, developer_id, agent_type, model_name,
        count(distinct session_id) as active_sessions,
        {{ usage_measures() }}
    from {{ ref('stg_api_requests') }}
    where {{ touched_day('usage_date', 'developer_id') }}
    group by usage_date, developer_id, agent_type, model_name
),

sessions as (
    select
        session_date as date, developer_id, agent_type, model_name,
        count(*) as total_sessions,
        sum(duration_seconds) as total_duration_seconds,
        sum(active_seconds) as total_active_seconds
    from {{ ref('stg_agent_sessions') }}
    where {{ touched_day('session_date', 'developer_id') }}
    group by session_date, developer_id, agent_type, model_name
),

commits as (
    select
        commit_date as date, developer_id, agent_type, model_name,
        count(*) as agent_assisted_commits,
        sum(lines_added) as agent_assisted_lines_added,
        sum(lines_deleted) as agent_assisted_lines_deleted
    from {{ ref('int_commits_with_agent_context') }}
    where is_agent_assisted = 1 and {{ touched_day('commit_date', 'developer_id') }}
    group by commit_date, developer_id, agent_type, model_name
),

everything as (
    select * from usage
    union all by name
    select * from sessions
    union all by name
    select * from commits
)

select
    date,
    developer_id,
    agent_type,
    model_name,
    cast(coalesce(sum(total_sessions), 0) as bigint) as total_sessions,
    cast(coalesce(sum(active_sessions), 0) as bigint) as active_sessions,
    cast(sum(total_duration_seconds) as decimal(18, 6)) as total_duration_seconds,
    cast(sum(total_active_seconds) as decimal(18, 6)) as total_active_seconds,
    cast(sum(total_duration_seconds) / nullif(sum(total_sessions), 0) as double) as avg_duration_seconds,
    cast(coalesce(sum(request_count), 0) as bigint) as request_count,
    cast(coalesce(sum(error_count), 0) as bigint) as error_count,
    cast(coalesce(sum(input_tokens), 0) as bigint) as total_input_tokens,
    cast(coalesce(sum(cache_read_tokens), 0) as bigint) as total_cache_read_tokens,
    cast(coalesce(sum(cache_write_tokens), 0) as bigint) as total_cache_creation_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as total_output_tokens,
    cast(coalesce(sum(total_tokens), 0) as bigint) as total_tokens,
    cast(coalesce(sum(unpriced_tokens), 0) as bigint) as unpriced_tokens,
    cast(sum(cost_usd) as decimal(38, 12)) as total_cost_usd,
    max(cost_basis) as cost_basis,
    cast(sum(cost_usd) as double) / nullif(sum(active_sessions), 0) as avg_cost_per_session_usd,
    cast(coalesce(sum(agent_assisted_commits), 0) as bigint) as agent_assisted_commits,
    cast(coalesce(sum(agent_assisted_lines_added), 0) as bigint) as agent_assisted_lines_added,
    cast(coalesce(sum(agent_assisted_lines_deleted), 0) as bigint) as agent_assisted_lines_deleted
from everything
group by date, developer_id, agent_type, model_name
