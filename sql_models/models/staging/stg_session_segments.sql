-- One row per stretch of a session without a silence longer than var session_gap: when a session was at work. A session
-- exists when a prompt, a request, a tool call, a transcript or a hook names it; start-up events and session counters
-- do not make one (agents send them under throw-away ids when they resume).
{{ config(
    materialized='incremental', unique_key='session_id', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'session', 'key': 'session_id', 'time': 'segment_start'}}
) }}

with parents as (
    {{ session_parents() }}
),

log_events as (
    select
        agent_type, coalesce(root_id, session_id) as session_id, timestamp as ts, developer_id as developer_said,
        user_email, service_version,
        case when root_id is not null then 'event'
            when event_name = 'user_prompt' then 'prompt' when event_name = 'conversation_starts' then 'start'
            else 'event' end as event,
        'log' as source,
        case agent_type
            when 'claude_code' then event_name in (
                'user_prompt', 'api_request', 'api_error', 'api_retries_exhausted', 'assistant_response', 'tool_decision',
                'tool_result', 'subagent_completed', 'compaction'
            )
            else event_name is not null end as makes_session,
        coalesce(prompt_id, cast(dedup_key as varchar)) as event_key
    from {{ source('raw', 'otel_logs') }}
    left join parents on parents_agent = agent_type and child_id = session_id
    where session_id is not null and {{ touched('session', 'session_id', 'timestamp') }}
),

other_events as (
    select
        agent_type, coalesce(root_id, session_id) as session_id, timestamp as ts, developer_id as developer_said,
        cast(null as varchar) as user_email, service_version, 'event' as event, 'transcript' as source,
        true as makes_session, cast(dedup_key as varchar) as event_key
    from {{ source('raw', 'transcript_usage') }}
    left join parents on parents_agent = agent_type and child_id = session_id
    where session_id is not null and {{ touched('session', 'session_id', 'timestamp') }}
    union all by name
    select
        agent_type, coalesce(root_id, session_id) as session_id, timestamp as ts, developer_id as developer_said,
        'event' as event, 'transcript' as source, true as makes_session, cast(dedup_key as varchar) as event_key
    from {{ source('raw', 'transcript_tool_calls') }}
    left join parents on parents_agent = agent_type and child_id = session_id
    where session_id is not null and {{ touched('session', 'session_id', 'timestamp') }}
    union all by name
    select
        agent_type, coalesce(root_id, session_id) as session_id, timestamp as ts, developer_id as developer_said,
        service_version,
        case when event in ('start', 'end', 'prompt') and root_id is null then event else 'event' end as event,
        source, true as makes_session, cast(dedup_key as varchar) as event_key
    from {{ source('raw', 'session_context') }}
    left join parents on parents_agent = agent_type and child_id = session_id
    where {{ touched('session', 'session_id', 'timestamp') }}
    union all by name
    select
        agent_type, coalesce(root_id, session_id) as session_id, coalesce(end_time, timestamp) as ts,
        developer_id as developer_said, user_email, service_version, 'event' as event, 'span' as source,
        true as makes_session, cast(dedup_key as varchar) as event_key
    from {{ source('raw', 'otel_spans') }}
    left join parents on parents_agent = agent_type and child_id = session_id
    where session_id is not null and {{ touched('session', 'session_id', 'timestamp') }}
),

events as (
    select * from log_events
    union all by name
    select * from other_events
),

told as (
    select distinct agent_type, session_id from events where makes_session
),

-- Counters speak only for sessions that nothing else tells of: their points come up to a minute late.
counter_events as (
    select
        m.agent_type, m.session_id, m.timestamp as ts, m.developer_id as developer_said, m.user_email,
        m.service_version, 'event' as event, 'metric' as source, m.metric_name like '%token.usage' as makes_session,
        cast(m.dedup_key as varchar) as event_key
    from {{ source('raw', 'otel_metrics') }} as m
    anti join told as t on t.agent_type = m.agent_type and t.session_id = m.session_id
    where m.session_id is not null and {{ touched('session', 'm.session_id', 'm.timestamp') }}
),

all_events as (
    select * from events
    union all by name
    select * from counter_events
),

real_sessions as (
    select agent_type, session_id from all_events group by all having bool_or(makes_session)
),

gaps as (
    select
        e.*,
        epoch_us(e.ts) - lag(epoch_us(e.ts)) over session_order as silence_us
    from all_events as e
    semi join real_sessions as r on r.agent_type = e.agent_type and r.session_id = e.session_id
    window session_order as (partition by e.agent_type, e.session_id order by e.ts, e.event_key)
),

numbered as (
    select
        *,
        sum(case when silence_us <= cast({{ var("session_gap") }} as bigint) * 1000000 then 0 else 1 end) over (
            partition by agent_type, session_id order by ts, event_key rows unbounded preceding
        ) as segment
    from gaps
)

select
    agent_type,
    session_id,
    cast(segment as integer) as segment,
    min(ts) as segment_start,
    max(ts) as segment_end,
    min(ts) filter (where event = 'start' and source = 'hook') as start_hook_at,
    max(ts) filter (where event = 'end') as end_hook_at,
    max(ts) filter (where event <> 'end') as last_event_at,
    cast(coalesce(sum(silence_us) filter (where silence_us <= 300000000), 0) as bigint) as active_us,
    count(distinct event_key) filter (where event = 'prompt' and source = 'log') as log_prompt_count,
    count(distinct event_key) filter (where event = 'prompt' and source <> 'log') as other_prompt_count,
    arg_max(service_version, ts) as agent_version,
    arg_min(developer_said, ts) as developer_said,
    arg_min(user_email, ts) as user_email,
    list_sort(list_distinct(list(source))) as sources
from numbered
group by agent_type, session_id, segment
{%- if not is_incremental() %}
order by segment_start
{%- endif %}
