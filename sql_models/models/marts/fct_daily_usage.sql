-- One row per (day, developer, agent, model as seen, project, branch, query source). Sessions are those at work that
-- day: a session counts on each of its days, so session_count must not be added up.
{{ config(
    materialized='incremental', unique_key='date', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'developer_day', 'key': "cast(date as varchar) || ' ' || developer_id",
                 'within': 'date in (select distinct cast(left(key, 10) as date) from aa_touched_developer_day)'}}
) }}

select
    usage_date as date,
    developer_id,
    agent_type,
    model_id,
    model_name,
    project_id,
    branch,
    query_source,
    count(distinct session_id) as session_count,
    {{ usage_measures() }}
from {{ ref('stg_api_requests') }}
where {{ touched_day('usage_date', 'developer_id') }}
group by usage_date, developer_id, agent_type, model_id, model_name, project_id, branch, query_source
