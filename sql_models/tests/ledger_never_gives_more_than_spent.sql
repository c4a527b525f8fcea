-- No commit costs less than nothing, and nothing is given away that was not spent.
select *
from {{ ref('fct_commit_costs') }}
where cost_usd < 0 or total_tokens < 0
