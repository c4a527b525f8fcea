-- One row per (day of use, session, developer, commit or unattributed): the ledger. Every linked commit gets
-- confidence x its share of the lines of the session's linked commits, truncated to twelve digits; the rest of the
-- day's spend of the session is unattributed. The ledger adds up to the spend, to the last digit.
{{ config(
    materialized='incremental', unique_key='session_key', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'session', 'key': 'session_key', 'touches': {'commit': 'commit_hash'}}}
) }}

with spend as (
    select
        agent_type,
        session_id,
        session_key,
        developer_id,
        usage_date,
        cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
        cast(sum(total_tokens) as bigint) as total_tokens
    from {{ ref('stg_api_requests') }}
    where {{ touched('session', 'session_key', 'ts') }}
    group by all
),

links as (
    select
        *,
        sum(weight) over (partition by agent_type, session_id) as session_weight
    from {{ ref('int_commit_session_links') }}
    where {{ touched('session', 'session_id') }}
),

-- In units of 10^-12 dollars, so that the division is one of whole numbers.
shares as (
    select
        s.agent_type, s.session_id, s.session_key, s.developer_id, s.usage_date,
        l.project_id, l.commit_hash, l.confidence,
        (cast(s.cost_usd * 1000000000000 as hugeint) * cast(l.confidence * 10000 as hugeint) * l.weight)
            // (cast(10000 as hugeint) * l.session_weight) as cost_units,
        cast((cast(s.total_tokens as hugeint) * cast(l.confidence * 10000 as hugeint) * l.weight)
            // (cast(10000 as hugeint) * l.session_weight) as bigint) as total_tokens
    from spend as s
    join links as l on l.agent_type = s.agent_type and l.session_id = s.session_id
),

attributed as (
    select
        agent_type, session_id, session_key, developer_id, usage_date, project_id, commit_hash, confidence,
        cast(cast(cost_units as decimal(38, 0)) * 0.000000000001::decimal(13, 12) as decimal(38, 12)) as cost_usd,
        total_tokens
    from shares
),

attributed_sums as (
    select session_key, agent_type, developer_id, usage_date,
        sum(cost_usd) as cost_usd, cast(sum(total_tokens) as bigint) as total_tokens
    from attributed
    group by all
)

select
    usage_date as date, agent_type, session_id, session_key, developer_id, project_id, commit_hash, confidence, cost_usd,
    total_tokens
from attributed
union all
select
    s.usage_date as date, s.agent_type, s.session_id, s.session_key, s.developer_id,
    cast(null as varchar) as project_id, cast(null as varchar) as commit_hash,
    cast(null as decimal(5, 4)) as confidence,
    cast(s.cost_usd - coalesce(a.cost_usd, 0) as decimal(38, 12)) as cost_usd,
    s.total_tokens - coalesce(a.total_tokens, 0) as total_tokens
from spend as s
left join attributed_sums as a
    on a.session_key = s.session_key and a.agent_type = s.agent_type and a.developer_id = s.developer_id
    and a.usage_date = s.usage_date
