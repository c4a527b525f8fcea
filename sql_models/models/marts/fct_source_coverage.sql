-- One row per (day, developer, agent, source): what each source alone tells of, beside what was counted after bringing
-- the sources together (source `counted`), and in every row what the day's sources say of each other. A source that
-- knows less than was counted has lost something. An alarm is a side that spoke in the 30 days before and is silent now
-- although the other side, the agent's hooks or its commits go on; days without work are no silence.
with sources as (
    select * from {{ ref('int_source_days') }}
    union all by name
    -- What a vendor tells of a developer's day: that there was work, not which sessions.
    select date, developer_id, 'github_copilot' as agent_type, 'vendor' as source
    from {{ ref('stg_copilot_metrics') }}
    where scope <> 'org' and total_suggestions > 0
    qualify row_number() over (partition by date, developer_id order by scope) = 1
),

days as (
    select
        date,
        developer_id,
        agent_type,
        coalesce(max(total_tokens) filter (where source = 'counted'), 0) as counted_tokens,
        coalesce(max(request_count) filter (where source = 'counted'), 0) as counted_requests,
        coalesce(sum(total_tokens) filter (where source in ('log', 'span')), 0) as telemetry_tokens,
        coalesce(sum(total_tokens) filter (where source = 'metric'), 0) as metric_tokens,
        coalesce(sum(total_tokens) filter (where source = 'transcript'), 0) as history_tokens,
        max(last_event_at) filter (where source in ('log', 'span', 'metric')) as heard_until,
        arg_max(agent_version, last_event_at) filter (where source in ('log', 'span', 'metric')) as heard_version,
        max(last_event_at) filter (where source = 'transcript') as read_until,
        greatest(
            coalesce(max(unheard_session_count) filter (where source = 'transcript'), 0),
            coalesce(max(unheard_session_count) filter (where source = 'hook'), 0)
        ) as unheard_sessions,
        coalesce(max(unheard_tokens) filter (where source = 'transcript'), 0) as unheard_tokens,
        min(unheard_since) as unheard_since,
        arg_min(unheard_version, unheard_since) as unheard_version,
        min(first_event_at) filter (where source = 'commit') as committed_since,
        coalesce(sum(unread_session_count) filter (where source in ('log', 'span', 'metric')), 0) as unread_sessions,
        coalesce(sum(unread_tokens) filter (where source in ('log', 'span', 'metric')), 0) as unread_tokens,
        min(unread_since) filter (where source in ('log', 'span', 'metric')) as unread_since,
        count(*) filter (where source in ('log', 'span', 'metric', 'transcript')) as source_count,
        row_number() over (partition by developer_id, agent_type order by date desc) = 1 as is_latest
    from sources
    group by date, developer_id, agent_type
),

-- What was known of both sides before.
remembered as (
    select
        *,
        max(heard_until) over before as heard_before,
        arg_max(heard_version, heard_until) over before as version_before,
        max(read_until) over before as read_before,
        -- Histories are read in turns: one day of work behind is no silence yet.
        coalesce(max(case when heard_until is not null and read_until is null then date end) over before, date '0001-01-01')
            > coalesce(max(case when read_until is not null then date end) over before, date '0001-01-01')
            as unread_before
    from days
    window before as (
        partition by developer_id, agent_type order by date
        range between interval 30 days preceding and interval 1 day preceding
    )
),

judged as (
    select
        *,
        case
            when heard_until is null and heard_before is not null
                and (unheard_sessions > 0 or committed_since is not null)
                then 'telemetry stopped'
            when heard_until is not null and unheard_sessions > 0 and unheard_since > heard_until
                then 'telemetry stopped'
            when heard_until is not null and unheard_sessions > 0 and unheard_tokens * 20 >= counted_tokens
                then 'telemetry missing'
            when read_until is null and read_before is not null and unread_sessions > 0 and unread_before
                then 'history not read'
        end as alarm
    from remembered
)

select
    s.date,
    s.developer_id,
    s.agent_type,
    s.source,
    s.session_count,
    s.request_count,
    s.error_count,
    s.total_tokens,
    s.cost_usd,
    s.cost_reported_usd,
    s.only_request_count,
    s.only_tokens,
    s.only_cost_usd,
    s.first_event_at,
    s.last_event_at,
    s.agent_version,
    s.unheard_session_count,
    s.unheard_tokens,
    s.unread_session_count,
    s.unread_tokens,
    case when s.source in ('log', 'span', 'metric', 'transcript') then s.total_tokens - j.counted_tokens end
        as difference_tokens,
    coalesce(
        j.alarm,
        case
            when j.source_count = 0 then 'no figures'
            when j.history_tokens > 0 and j.telemetry_tokens > 0 and j.counted_tokens > j.telemetry_tokens * 1.01
                then 'telemetry has gaps'
            when j.history_tokens > 0 and j.counted_tokens > j.history_tokens * 1.01 then 'history has gaps'
            when j.counted_requests = 0 and j.metric_tokens > 0 then 'counters only'
            when j.source_count > 1 then 'sources agree'
            else 'one source'
        end
    ) as verdict,
    j.alarm,
    case
        when j.alarm = 'history not read' then j.unread_since
        when j.alarm is not null then least(j.unheard_since, j.committed_since)
    end as alarm_since,
    case
        when j.alarm = 'history not read' then j.read_before
        when j.alarm is not null then coalesce(j.heard_until, j.heard_before)
    end as last_told_at,
    case when j.alarm is not null then j.version_before end as last_told_version,
    case when j.alarm is not null then j.unheard_version end as silent_version,
    case when j.alarm = 'history not read' then j.unread_sessions when j.alarm is not null then j.unheard_sessions end
        as silent_session_count,
    case when j.alarm = 'history not read' then j.unread_tokens when j.alarm is not null then j.unheard_tokens end
        as silent_tokens,
    j.is_latest
from sources as s
join judged as j on j.date = s.date and j.developer_id = s.developer_id and j.agent_type = s.agent_type
