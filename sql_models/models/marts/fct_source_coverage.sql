-- One row per (day, developer, agent, source): what each source alone tells of, beside what was counted after bringing
-- the sources together (source `counted`). A source that knows less than was counted has lost something.
{{ config(
    materialized='incremental', unique_key='date', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'day', 'key': 'cast(date as varchar)'}}
) }}

select
    usage_date as date,
    developer_id,
    agent_type,
    source,
    count(distinct session_id) as session_count,
    count(*) filter (where success and grain = 'request') as request_count,
    count(*) filter (where not success) as error_count,
    cast(sum(input_tokens + cache_read_tokens + cache_write_tokens + output_tokens) as bigint) as total_tokens,
    cast(sum(cost_reported_usd) as decimal(38, 12)) as cost_reported_usd
from {{ ref('stg_request_observations') }}
where {{ touched_day('usage_date') }}
group by usage_date, developer_id, agent_type, source
union all
select
    usage_date as date,
    developer_id,
    agent_type,
    'counted' as source,
    count(distinct session_id) as session_count,
    count(*) filter (where success and grain = 'request') as request_count,
    count(*) filter (where not success) as error_count,
    cast(sum(total_tokens) as bigint) as total_tokens,
    cast(sum(cost_reported_usd) as decimal(38, 12)) as cost_reported_usd
from {{ ref('stg_api_requests') }}
where {{ touched_day('usage_date') }}
group by usage_date, developer_id, agent_type
