-- One row per (day, developer, agent, source): what each source alone tells of, how much of what was counted rests on it,
-- and which of its sessions the other side is silent about. Source `counted`: all sources brought together. Telemetry
-- means log records, spans and counters; history what the agent keeps itself (transcripts). A session counts as unheard
-- when telemetry never told of it that day, or went silent a quarter of an hour before the history did; as unread the
-- other way round.
{{ config(
    materialized='incremental', unique_key='date', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'developer_day', 'key': "cast(date as varchar) || ' ' || developer_id",
                 'within': 'date in (select distinct cast(left(key, 10) as date) from aa_touched_developer_day)'}}
) }}

with observations as (
    select
        usage_date as date, developer_id, agent_type, source, session_id, ts, grain, success, agent_version,
        input_tokens + cache_read_tokens + cache_write_tokens + output_tokens as total_tokens,
        cost_reported_usd
    from {{ ref('stg_request_observations') }}
    where {{ touched_day('usage_date', 'developer_id') }}
),

requests as (
    select
        usage_date as date, developer_id, agent_type, sources, session_id, ts, grain, success, agent_version,
        total_tokens, cost_usd, cost_reported_usd,
        list_has_any(sources, ['log', 'span', 'metric']) as heard,
        list_contains(sources, 'transcript') as read
    from {{ ref('stg_api_requests') }}
    where {{ touched_day('usage_date', 'developer_id') }}
),

hooks as (
    select * from {{ ref('int_hook_days') }} where {{ touched_day('date', 'developer_id') }}
),

-- Telemetry that hides its sessions: nothing can be said of single ones then.
nameless as (
    select distinct date, agent_type, developer_id
    from observations
    where session_id is null and source in ('log', 'span', 'metric')
),

-- Until when each side told of a session that day, whoever it says the developer is. Counters that were not counted,
-- because something better was there, are a sign of telemetry all the same.
sides as (
    select
        date, agent_type, session_id,
        max(ts) filter (where heard) as heard_until,
        max(ts) filter (where read) as read_until
    from (
        select
            usage_date as date, agent_type, session_id, ts,
            list_has_any(sources, ['log', 'span', 'metric']) as heard, list_contains(sources, 'transcript') as read
        from {{ ref('stg_api_requests') }}
        where session_id is not null and {{ touched_date('usage_date') }}
        union all
        select usage_date, agent_type, session_id, ts, true, false
        from {{ ref('stg_request_observations') }}
        where source = 'metric' and session_id is not null and {{ touched_date('usage_date') }}
    )
    {%- if var('aa_touched', false) %}
    -- The sessions of touched days of developers, whatever else they did on those days.
    where (date, agent_type, session_id) in (
        select (date, agent_type, session_id) from requests
        union
        select (date, agent_type, session_id) from hooks
    )
    {%- endif %}
    group by date, agent_type, session_id
),

silences as (
    select
        r.*,
        r.read and not r.heard and n.date is null
            and (s.heard_until is null or epoch_us(r.ts) - epoch_us(s.heard_until) > 900000000) as unheard,
        r.heard and not r.read
            and (s.read_until is null or epoch_us(r.ts) - epoch_us(s.read_until) > 900000000) as unread
    from requests as r
    join sides as s on s.date = r.date and s.agent_type = r.agent_type and s.session_id = r.session_id
    left join nameless as n on n.date = r.date and n.agent_type = r.agent_type and n.developer_id = r.developer_id
    where r.success
),

silent as (
    select
        date, developer_id, agent_type, source,
        count(distinct session_id) filter (where unheard) as unheard_session_count,
        cast(coalesce(sum(total_tokens) filter (where unheard), 0) as bigint) as unheard_tokens,
        min(ts) filter (where unheard) as unheard_since,
        arg_min(agent_version, (ts, agent_version)) filter (where unheard) as unheard_version,
        count(distinct session_id) filter (where unread) as unread_session_count,
        cast(coalesce(sum(total_tokens) filter (where unread), 0) as bigint) as unread_tokens,
        min(ts) filter (where unread) as unread_since
    from (select *, unnest(sources) as source from silences where unheard or unread)
    group by date, developer_id, agent_type, source
),

told as (
    select
        date, developer_id, agent_type, source,
        count(distinct session_id) as session_count,
        count(*) filter (where success and grain = 'request') as request_count,
        count(*) filter (where not success) as error_count,
        cast(sum(total_tokens) as bigint) as total_tokens,
        cast(sum(cost_reported_usd) as decimal(38, 12)) as cost_reported_usd,
        min(ts) as first_event_at,
        max(ts) as last_event_at,
        arg_max(agent_version, (ts, agent_version)) as agent_version
    from observations
    group by date, developer_id, agent_type, source
),

-- Of what was counted, what each source tells of, and what it alone tells of.
covered as (
    select
        date, developer_id, agent_type, source,
        cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
        count(*) filter (where success and grain = 'request' and alone) as only_request_count,
        cast(coalesce(sum(total_tokens) filter (where alone), 0) as bigint) as only_tokens,
        cast(sum(cost_usd) filter (where alone) as decimal(38, 12)) as only_cost_usd
    from (select *, unnest(sources) as source, len(sources) = 1 as alone from requests)
    group by date, developer_id, agent_type, source
),

counted as (
    select
        date, developer_id, agent_type, 'counted' as source,
        count(distinct session_id) as session_count,
        count(*) filter (where success and grain = 'request') as request_count,
        count(*) filter (where not success) as error_count,
        cast(sum(total_tokens) as bigint) as total_tokens,
        cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
        cast(sum(cost_reported_usd) as decimal(38, 12)) as cost_reported_usd,
        count(*) filter (where success and grain = 'request' and len(sources) = 1) as only_request_count,
        cast(coalesce(sum(total_tokens) filter (where len(sources) = 1), 0) as bigint) as only_tokens,
        cast(sum(cost_usd) filter (where len(sources) = 1) as decimal(38, 12)) as only_cost_usd,
        min(ts) as first_event_at,
        max(ts) as last_event_at,
        arg_max(agent_version, (ts, agent_version)) as agent_version
    from requests
    group by date, developer_id, agent_type
),

by_hooks as (
    select
        h.date, h.developer_id, h.agent_type, 'hook' as source,
        count(*) as session_count,
        min(h.first_event_at) as first_event_at,
        max(h.last_event_at) as last_event_at,
        arg_max(h.agent_version, (h.last_event_at, h.session_id)) as agent_version,
        count(*) filter (where s.heard_until is null and n.date is null) as unheard_session_count,
        min(h.first_event_at) filter (where s.heard_until is null and n.date is null) as unheard_since,
        arg_min(h.agent_version, (h.first_event_at, h.session_id))
            filter (where s.heard_until is null and n.date is null) as unheard_version,
        count(*) filter (where s.read_until is null) as unread_session_count,
        min(h.first_event_at) filter (where s.read_until is null) as unread_since
    from hooks as h
    left join sides as s on s.date = h.date and s.agent_type = h.agent_type and s.session_id = h.session_id
    left join nameless as n on n.date = h.date and n.agent_type = h.agent_type and n.developer_id = h.developer_id
    group by h.date, h.developer_id, h.agent_type
),

-- Commits that bear an agent's sign, made and written on the same day: a rebase of older ones is no work of that day.
by_commits as (
    select
        c.commit_date as date, c.developer_id, c.agent_type, 'commit' as source,
        count(distinct c.agent_session_id) as session_count,
        min(c.commit_timestamp) as first_event_at,
        max(c.commit_timestamp) as last_event_at
    from {{ ref('int_commits_with_agent_context') }} as c
    join {{ ref('stg_git_commits') }} as g on g.project_id = c.project_id and g.commit_hash = c.commit_hash
    where {{ touched_day('c.commit_date', 'c.developer_id') }}
        and c.is_agent_assisted = 1 and not c.is_merge
        and {{ report_day('coalesce(g.author_timestamp, g.commit_timestamp)') }} = c.commit_date
    group by c.commit_date, c.developer_id, c.agent_type
),

everything as (
    select
        date, developer_id, agent_type, source,
        coalesce(told.session_count, 0) as session_count,
        coalesce(told.request_count, 0) as request_count,
        coalesce(told.error_count, 0) as error_count,
        coalesce(told.total_tokens, 0) as total_tokens,
        told.cost_reported_usd,
        told.first_event_at,
        told.last_event_at,
        told.agent_version,
        covered.cost_usd,
        coalesce(covered.only_request_count, 0) as only_request_count,
        coalesce(covered.only_tokens, 0) as only_tokens,
        covered.only_cost_usd,
        coalesce(silent.unheard_session_count, 0) as unheard_session_count,
        coalesce(silent.unheard_tokens, 0) as unheard_tokens,
        silent.unheard_since,
        silent.unheard_version,
        coalesce(silent.unread_session_count, 0) as unread_session_count,
        coalesce(silent.unread_tokens, 0) as unread_tokens,
        silent.unread_since
    from told
    -- What sources tell under different names of a developer was counted under one of them.
    full join covered using (date, developer_id, agent_type, source)
    left join silent using (date, developer_id, agent_type, source)
    union all by name
    select * from counted
    union all by name
    select * from by_hooks
    union all by name
    select * from by_commits
)

select
    date,
    developer_id,
    agent_type,
    source,
    session_count,
    request_count,
    error_count,
    total_tokens,
    cost_usd,
    cost_reported_usd,
    only_request_count,
    only_tokens,
    only_cost_usd,
    first_event_at,
    last_event_at,
    agent_version,
    unheard_session_count,
    unheard_tokens,
    unheard_since,
    unheard_version,
    unread_session_count,
    unread_tokens,
    unread_since
from everything
