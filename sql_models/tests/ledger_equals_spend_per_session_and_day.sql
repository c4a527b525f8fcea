-- Invariant 1, closer: per session, developer and day the ledger holds what was spent, and what has no price has none.
{{ config(meta={'aa': {'gate': true}}) }}

with spend as (
    select session_key, agent_type, developer_id, usage_date as date,
        sum(cost_usd) as cost_usd, sum(total_tokens) as total_tokens
    from {{ ref('stg_api_requests') }}
    where {{ touched('session', 'session_key', 'ts') }}
    group by all
),

ledger as (
    select session_key, agent_type, developer_id, date, sum(cost_usd) as cost_usd, sum(total_tokens) as total_tokens
    from {{ ref('fct_commit_costs') }}
    where {{ touched('session', 'session_key') }}
    group by all
)

select
    coalesce(s.session_key, l.session_key) as session_key,
    coalesce(s.date, l.date) as date,
    s.cost_usd as spent_usd,
    l.cost_usd as ledger_usd
from spend as s
full outer join ledger as l
    on l.session_key = s.session_key and l.agent_type = s.agent_type and l.developer_id = s.developer_id
    and l.date = s.date
where l.cost_usd is distinct from s.cost_usd or l.total_tokens is distinct from s.total_tokens
