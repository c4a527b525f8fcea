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

-- Numbers instead of names: what is sorted below is a few bytes a row.
sessions as materialized (
    select agent_type, session_id, row_number() over () as number
    from (select agent_type, session_id from all_events group by all having bool_or(makes_session))
),

numbered as (
    select
        s.number, epoch_us(e.ts) as us, e.ts, e.event, e.source, e.developer_said, e.user_email, e.service_version,
        case when e.event = 'prompt' then e.event_key end as prompt_key
    from all_events as e
    join sessions as s on s.agent_type = e.agent_type and s.session_id = e.session_id
),

gaps as (
    select number, us, us - lag(us) over (partition by number order by us) as silence_us from numbered
),

segments as (
    select
        number, cast(segment as integer) as segment, min(us) as start_us, max(us) as end_us,
        cast(coalesce(sum(silence_us) filter (where silence_us <= 300000000), 0) as bigint) as active_us
    from (
        select
            *,
            count(*) filter (
                where silence_us is null or silence_us > cast({{ var("session_gap") }} as bigint) * 1000000
            ) over (partition by number order by us rows unbounded preceding) as segment
        from gaps
    )
    group by all
),

-- Of each segment what one kind of sign says, and when first and last: few rows, in which ties can be looked at.
signs as (
    select
        g.number, g.segment, e.source, e.developer_said, e.user_email, e.service_version,
        min(e.ts) as first_ts,
        max(e.ts) as last_ts,
        min(e.ts) filter (where e.event = 'start' and e.source = 'hook') as start_hook_at,
        max(e.ts) filter (where e.event = 'end') as end_hook_at,
        max(e.ts) filter (where e.event <> 'end') as last_event_at
    from numbered as e
    join segments as g on g.number = e.number and e.us between g.start_us and g.end_us
    group by all
),

told_of as (
    select
        number,
        segment,
        min(first_ts) as segment_start,
        max(last_ts) as segment_end,
        min(start_hook_at) as start_hook_at,
        max(end_hook_at) as end_hook_at,
        max(last_event_at) as last_event_at,
        arg_max(service_version, (last_ts, service_version)) as agent_version,
        arg_min(developer_said, (first_ts, developer_said)) as developer_said,
        arg_min(user_email, (first_ts, user_email)) as user_email,
        list_sort(list_distinct(list(source))) as sources
    from signs
    group by number, segment
),

prompts as (
    select
        g.number,
        g.segment,
        count(distinct e.prompt_key) filter (where e.source = 'log') as log_prompt_count,
        count(distinct e.prompt_key) filter (where e.source <> 'log') as other_prompt_count
    from numbered as e
    join segments as g on g.number = e.number and e.us between g.start_us and g.end_us
    where e.prompt_key is not null
    group by g.number, g.segment
)

select
    s.agent_type,
    s.session_id,
    g.segment,
    t.segment_start,
    t.segment_end,
    t.start_hook_at,
    t.end_hook_at,
    t.last_event_at,
    g.active_us,
    coalesce(p.log_prompt_count, 0) as log_prompt_count,
    coalesce(p.other_prompt_count, 0) as other_prompt_count,
    t.agent_version,
    t.developer_said,
    t.user_email,
    t.sources
from segments as g
join sessions as s on s.number = g.number
join told_of as t on t.number = g.number and t.segment = g.segment
left join prompts as p on p.number = g.number and p.segment = g.segment
{%- if not is_incremental() %}
order by t.segment_start
{%- endif %}
