-- One row per (day, developer, agent): what each source alone tells of, beside what was counted, and what the day's
-- sources say of each other. What is younger than a quarter of an hour may still be on its way: no alarm.
with
told as (
    select
        u.date,
        u.developer_id,
        u.agent_type,
        list_sort(list(u.source) filter (u.source <> 'counted')) as sources,
        max(u.session_count) filter (u.source = 'counted')::bigint as session_count,
        sum(u.request_count) filter (u.source = 'counted')::bigint as request_count,
        sum(u.request_count) filter (u.source in ('log', 'span'))::bigint as telemetry_request_count,
        sum(u.request_count) filter (u.source = 'transcript')::bigint as transcript_request_count,
        sum(u.session_count) filter (u.source = 'hook')::bigint as hook_session_count,
        sum(u.total_tokens) filter (u.source = 'counted')::bigint as total_tokens,
        sum(u.total_tokens) filter (u.source = 'log')::bigint as log_tokens,
        sum(u.total_tokens) filter (u.source = 'span')::bigint as span_tokens,
        sum(u.total_tokens) filter (u.source = 'metric')::bigint as metric_tokens,
        sum(u.total_tokens) filter (u.source = 'transcript')::bigint as transcript_tokens,
        sum(u.only_tokens) filter (u.source = 'counted')::bigint as single_source_tokens,
        sum(u.cost_usd) filter (u.source = 'counted') as cost_usd,
        sum(u.cost_usd) filter (u.source in ('log', 'span', 'metric')) as telemetry_cost_usd,
        sum(u.cost_usd) filter (u.source = 'transcript') as transcript_cost_usd,
        sum(u.only_cost_usd) filter (u.source = 'counted') as single_source_cost_usd,
        max(u.last_event_at) filter (u.source in ('log', 'span', 'metric')) as telemetry_until,
        max(u.last_event_at) filter (u.source = 'transcript') as transcript_until,
        any_value(u.verdict) as verdict,
        any_value(u.alarm) as alarm,
        any_value(u.alarm_since) as alarm_since,
        any_value(u.last_told_at) as last_told_at,
        any_value(u.last_told_version) as last_told_version,
        any_value(u.silent_version) as silent_version,
        coalesce(any_value(u.silent_session_count), 0)::bigint as silent_session_count,
        coalesce(any_value(u.silent_tokens), 0)::bigint as silent_tokens,
        any_value(u.is_latest) as is_latest
    from mart.fct_source_coverage as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    where
        /*filter:usage*/ true
        -- Sources know no project: who may see only some must not learn of others here.
        and $own_projects::varchar[] is null
    group by u.date, u.developer_id, u.agent_type
),

-- How far the clock of the machine was off: the newest event of a delivery cannot be younger than its arrival, and the
-- promptest of a day's deliveries is hardly older. What came more than a day late was not sent when it happened.
deliveries as (
    select
        agent_type, developer_id, any_value(user_email) as user_email, batch_id,
        date_diff('millisecond', min(received_at), max(timestamp)) / 1000.0 as ahead_seconds
    from (
        select agent_type, developer_id, user_email, batch_id, received_at, timestamp
        from raw.otel_logs
        where received_at >= $now::timestamptz - interval 7 days
        union all
        select agent_type, developer_id, user_email, batch_id, received_at, coalesce(end_time, timestamp)
        from raw.otel_spans
        where received_at >= $now::timestamptz - interval 7 days
    )
    group by agent_type, developer_id, batch_id
),

clocks as (
    select
        d.agent_type,
        coalesce(by_id.developer_id, by_email.developer_id, d.developer_id, lower(d.user_email), 'unknown') as developer_id,
        round(max(d.ahead_seconds), 3) as clock_drift_seconds
    from deliveries as d
    left join staging.stg_developer_names as by_id on by_id.value = lower(d.developer_id)
    left join staging.stg_developer_names as by_email on by_email.value = lower(d.user_email)
    where abs(d.ahead_seconds) <= 86400
    group by all
),

settled as (
    select *, alarm is not null and alarm_since > $now::timestamptz - interval 15 minutes as is_young
    from told
)

select
    strftime(t.date, '%Y-%m-%d') || ' ' || t.developer_id || ' ' || t.agent_type as coverage_key,
    t.* exclude (alarm, verdict, is_young),
    case when t.is_young then 'too early to tell' else t.verdict end as verdict,
    case when not t.is_young then t.alarm end as alarm,
    -- An alarm is one of now as long as no newer day is without it, for two weeks.
    case
        when t.alarm is null or t.is_young then 'quiet'
        when t.is_latest and t.date >= cast($now::timestamptz - interval 14 days as date) then 'alarm'
        else 'past'
    end as state,
    cast(c.clock_drift_seconds as double) as clock_drift_seconds,
    dim_developers.developer_name
from settled as t
left join clocks as c
    on c.agent_type = t.agent_type and c.developer_id = t.developer_id
    and t.date >= cast($now::timestamptz - interval 7 days as date)
left join mart.dim_developers on dim_developers.developer_id = t.developer_id
