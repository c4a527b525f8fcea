-- Invariant 3: the tokens of the marts are those of the requests.
with sums as (
    select 'requests' as told_by, coalesce(sum(total_tokens), 0) as total_tokens from {{ ref('stg_api_requests') }}
    union all
    select 'sessions', coalesce(sum(total_tokens), 0) + (
        select coalesce(sum(total_tokens), 0) from {{ ref('stg_api_requests') }} where session_id is null
    ) from {{ ref('fct_sessions') }}
    union all
    select 'token usage', coalesce(sum(total_tokens), 0) from {{ ref('stg_agent_token_usage') }}
    union all
    select 'days', coalesce(sum(total_tokens), 0) from {{ ref('fct_daily_usage') }}
    union all
    select 'days by agent', coalesce(sum(total_tokens), 0) from {{ ref('fct_daily_agent_usage') }}
    union all
    select 'ledger', coalesce(sum(total_tokens), 0) from {{ ref('fct_commit_costs') }}
)

select s.told_by, s.total_tokens, r.total_tokens as tokens_of_requests
from sums as s
cross join (select total_tokens from sums where told_by = 'requests') as r
where s.total_tokens <> r.total_tokens
