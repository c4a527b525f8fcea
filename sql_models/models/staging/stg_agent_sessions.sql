-- One row per session of an agent. Its start is the first sign of it; its end is what the end hook says, else the last
-- event. Whether it is still live depends on the clock and is decided by whoever reads.
{{ config(
    materialized='incremental', unique_key='session_id', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'session', 'key': 'session_id', 'time': 'session_start',
                 'touches': {'day': 'cast(session_date as varchar)',
                             'developer_day': "cast(session_date as varchar) || ' ' || developer_id"}}}
) }}

with segments as (
    select
        agent_type,
        session_id,
        min(segment_start) as session_start,
        min(start_hook_at) as start_hook_at,
        max(end_hook_at) as end_hook_at,
        coalesce(max(last_event_at), max(segment_end)) as last_event_at,
        sum(active_us) as active_us,
        greatest(sum(log_prompt_count), sum(other_prompt_count)) as prompt_count,
        arg_max(agent_version, segment) as agent_version,
        arg_min(developer_said, segment) as developer_said,
        arg_min(user_email, segment) as user_email,
        list_sort(list_distinct(flatten(list(sources)))) as sources
    from {{ ref('stg_session_segments') }}
    where {{ touched('session', 'session_id', 'segment_start') }}
    group by agent_type, session_id
),

requests as (
    select
        agent_type,
        session_id,
        arg_min(project_id, ts) as first_project_id,
        arg_max(branch, ts) as last_branch,
        list_distinct(list(project_id)) as project_ids,
        arg_min(developer_id, ts) filter (where developer_id <> 'unknown') as developer_id
    from {{ ref('stg_api_requests') }}
    where session_id is not null and {{ touched('session', 'session_key', 'ts') }}
    group by agent_type, session_id
),

-- The session's model is the one with the most tokens; everything per model comes from the requests.
model_totals as (
    select agent_type, session_id, model_name, sum(total_tokens) as tokens, min(ts) as first_ts
    from {{ ref('stg_api_requests') }}
    where session_id is not null and model_name is not null and {{ touched('session', 'session_key', 'ts') }}
    group by all
),

main_models as (
    select agent_type, session_id, arg_max(model_name, (tokens, -epoch_us(first_ts), model_name)) as model_name
    from model_totals
    group by all
),

context as (
    select
        agent_type,
        session_id,
        arg_min(project_id, ts) as first_project_id,
        arg_max(branch, ts) as last_branch,
        list_distinct(list(project_id)) as project_ids
    from {{ ref('stg_session_context') }}
    group by agent_type, session_id
),

reported_activity as (
    select agent_type, session_id, sum(metric_value) as active_seconds
    from {{ source('raw', 'otel_metrics') }}
    where metric_name = 'claude_code.active_time.total' and temporality = 'delta'
        and session_id is not null and {{ touched('session', 'session_id', 'timestamp') }}
    group by all
),

ended as (
    select
        *,
        -- Telemetry is flushed shortly after the end hook; later events mean that the session was resumed.
        end_hook_at is not null
            and epoch_us(last_event_at) - epoch_us(end_hook_at) <= 60000000 as has_end
    from segments
)

select
    s.agent_type,
    s.session_id,
    coalesce(
        by_id.developer_id, by_email.developer_id, r.developer_id, {{ plain_address('s.developer_said') }},
        {{ name_key('s.user_email') }}, 'unknown'
    ) as developer_id,
    coalesce(c.first_project_id, r.first_project_id) as project_id,
    list_sort(list_distinct(list_concat(coalesce(c.project_ids, []), coalesce(r.project_ids, [])))) as project_ids,
    coalesce(c.last_branch, r.last_branch) as branch,
    m.model_name,
    s.session_start,
    {{ report_day('s.session_start') }} as session_date,
    case when s.has_end then s.end_hook_at else s.last_event_at end as session_end,
    case when s.has_end then 'hook' else 'event' end as boundary_source,
    s.has_end,
    greatest(s.last_event_at, coalesce(s.end_hook_at, s.last_event_at)) as last_event_at,
    {{ seconds_between('s.session_start', 'case when s.has_end then s.end_hook_at else s.last_event_at end') }}
        as duration_seconds,
    coalesce(
        cast(a.active_seconds as decimal(18, 6)),
        cast(s.active_us * 0.000001::decimal(7, 6) as decimal(18, 6))
    ) as active_seconds,
    cast(s.prompt_count as bigint) as prompt_count,
    s.agent_version,
    s.sources
from ended as s
left join requests as r on r.agent_type = s.agent_type and r.session_id = s.session_id
left join main_models as m on m.agent_type = s.agent_type and m.session_id = s.session_id
left join context as c on c.agent_type = s.agent_type and c.session_id = s.session_id
left join reported_activity as a on a.agent_type = s.agent_type and a.session_id = s.session_id
left join {{ ref('stg_developer_names') }} as by_id on by_id.value = {{ name_key('s.developer_said') }}
left join {{ ref('stg_developer_names') }} as by_email on by_email.value = {{ name_key('s.user_email') }}
{%- if not is_incremental() %}
order by s.session_start
{%- endif %}
