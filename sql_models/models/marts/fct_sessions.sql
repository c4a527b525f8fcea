-- One row per session: times, requests, tools, tokens, money, and the commits linked to it.
{{ config(
    materialized='incremental', unique_key='session_id', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'session', 'key': 'session_id', 'time': 'session_start'}}
) }}

with usage as (
    select
        agent_type,
        session_id,
        count(*) filter (where query_source = 'subagent') as subagent_request_count,
        list_sort(list_distinct(list(coalesce(model_id, model_name)))) as models,
        list_sort(list_distinct(flatten(list(sources)))) as request_sources,
        {{ usage_measures() }}
    from {{ ref('stg_api_requests') }}
    where session_id is not null and {{ touched('session', 'session_key', 'ts') }}
    group by agent_type, session_id
),

tools as (
    select
        agent_type, session_id,
        count(*) as tool_call_count,
        count(*) filter (where success = false) as tool_error_count
    from {{ ref('stg_agent_tool_calls') }}
    where session_id is not null and {{ touched('session', 'session_key', 'ts') }}
    group by agent_type, session_id
),

commits as (
    select
        l.agent_type, l.session_id,
        count(*) as commit_count,
        cast(coalesce(sum(c.lines_added), 0) as bigint) as lines_added,
        cast(coalesce(sum(c.lines_deleted), 0) as bigint) as lines_deleted
    from {{ ref('int_commit_session_links') }} as l
    join {{ ref('stg_git_commits') }} as c on c.project_id = l.project_id and c.commit_hash = l.commit_hash
    where {{ touched('session', 'l.session_id') }}
    group by l.agent_type, l.session_id
),

-- Without requests a session used nothing, if whoever tells of it would have told; else nobody knows: hooks tell no
-- tokens, nor does Cursor.
sessions as (
    select
        *,
        case when agent_type <> 'cursor' and list_has_any(sources, ['log', 'metric', 'span', 'transcript'])
            then cast(0 as bigint) end as nothing
    from {{ ref('stg_agent_sessions') }}
    where {{ touched('session', 'session_id', 'session_start') }}
)

select
    s.agent_type,
    s.session_id,
    s.developer_id,
    s.project_id,
    s.branch,
    s.session_start,
    s.session_end,
    s.session_date,
    s.boundary_source,
    s.has_end,
    s.last_event_at,
    s.duration_seconds,
    s.active_seconds,
    s.model_name,
    coalesce(u.models, []) as models,
    s.agent_version,
    coalesce(u.request_count, 0) as request_count,
    coalesce(u.error_count, 0) as error_count,
    coalesce(t.tool_call_count, 0) as tool_call_count,
    coalesce(t.tool_error_count, 0) as tool_error_count,
    s.prompt_count,
    coalesce(u.subagent_request_count, 0) as subagent_request_count,
    coalesce(c.commit_count, 0) as commit_count,
    coalesce(c.lines_added, 0) as lines_added,
    coalesce(c.lines_deleted, 0) as lines_deleted,
    coalesce(u.input_tokens, s.nothing) as input_tokens,
    coalesce(u.cache_read_tokens, s.nothing) as cache_read_tokens,
    coalesce(u.cache_write_tokens, s.nothing) as cache_write_tokens,
    coalesce(u.output_tokens, s.nothing) as output_tokens,
    coalesce(u.reasoning_tokens, s.nothing) as reasoning_tokens,
    coalesce(u.total_tokens, s.nothing) as total_tokens,
    coalesce(u.unpriced_tokens, 0) as unpriced_tokens,
    u.cost_usd,
    u.cost_reported_usd,
    u.cost_priced_usd,
    u.cost_basis,
    list_sort(list_distinct(list_concat(s.sources, coalesce(u.request_sources, [])))) as sources
from sessions as s
left join usage as u on u.agent_type = s.agent_type and u.session_id = s.session_id
left join tools as t on t.agent_type = s.agent_type and t.session_id = s.session_id
left join commits as c on c.agent_type = s.agent_type and c.session_id = s.session_id
{%- if not is_incremental() %}
order by s.session_start
{%- endif %}
