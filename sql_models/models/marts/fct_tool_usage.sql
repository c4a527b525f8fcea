-- One row per (day, developer, agent, tool).
{{ config(
    materialized='incremental', unique_key='date', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'developer_day', 'key': "cast(date as varchar) || ' ' || developer_id",
                 'within': 'date in (select distinct cast(left(key, 10) as date) from aa_touched_developer_day)'}}
) }}

select
    usage_date as date,
    developer_id,
    agent_type,
    tool_name,
    count(*) as call_count,
    count(*) filter (where success = false) as error_count,
    count(*) filter (where decision in ('reject', 'rejected', 'deny', 'denied')) as rejected_count,
    count(distinct session_id) as session_count,
    cast(sum(duration_ms) as bigint) as duration_ms,
    cast(quantile_disc(duration_ms, 0.95) as bigint) as p95_duration_ms
from {{ ref('stg_agent_tool_calls') }}
where {{ touched_day('usage_date', 'developer_id') }}
group by usage_date, developer_id, agent_type, tool_name
