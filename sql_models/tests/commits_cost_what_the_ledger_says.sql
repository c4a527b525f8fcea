-- A commit's cost is the sum of its rows in the ledger.
with ledger as (
    select project_id, commit_hash, sum(cost_usd) as cost_usd
    from {{ ref('fct_commit_costs') }}
    where commit_hash is not null
    group by project_id, commit_hash
)

select coalesce(c.commit_hash, l.commit_hash) as commit_hash, c.cost_usd, l.cost_usd as ledger_usd
from {{ ref('fct_git_commits') }} as c
full outer join ledger as l on l.project_id = c.project_id and l.commit_hash = c.commit_hash
where c.cost_usd is distinct from l.cost_usd or c.commit_hash is null
