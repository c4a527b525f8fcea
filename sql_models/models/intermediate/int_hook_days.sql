-- One row per (day, session) on which an agent's own hooks told of work: prompts and turns. Starts and ends alone are no
-- work: agents open sessions that nobody uses.
{{ config(
    materialized='incremental', unique_key='session_id', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'session', 'key': 'session_id', 'time': 'first_event_at',
                 'touches': {'day': 'cast(date as varchar)',
                             'developer_day': "cast(date as varchar) || ' ' || developer_id"}}}
) }}

with events as (
    select
        {{ report_day('timestamp') }} as date,
        agent_type, session_id, developer_id as developer_said, timestamp as ts, service_version
    from {{ source('raw', 'session_context') }}
    where source = 'hook' and event in ('prompt', 'context') and parent_session_id is null
        and {{ touched('session', 'session_id', 'timestamp') }}
    qualify row_number() over (partition by dedup_key order by batch_id) = 1
),

days as (
    select
        date, agent_type, session_id,
        arg_min(developer_said, (ts, developer_said)) as developer_said,
        count(*) as event_count,
        min(ts) as first_event_at,
        max(ts) as last_event_at,
        arg_min(service_version, (ts, service_version)) as agent_version
    from events
    group by date, agent_type, session_id
)

select
    d.date,
    coalesce(by_id.developer_id, d.developer_said, 'unknown') as developer_id,
    d.agent_type,
    d.session_id,
    d.event_count,
    d.first_event_at,
    d.last_event_at,
    d.agent_version
from days as d
left join {{ ref('stg_developer_names') }} as by_id on by_id.value = lower(d.developer_said)
