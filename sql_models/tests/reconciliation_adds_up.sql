-- The reconciliation is about the same money as everything else, and the parts of a difference are the difference.
select 'spend' as what, a.cost_usd as found, b.cost_usd as expected
from (select coalesce(sum(cost_usd), 0) as cost_usd from {{ ref('fct_cost_reconciliation') }}) as a
cross join (select coalesce(sum(cost_usd), 0) as cost_usd from {{ ref('fct_daily_usage') }}) as b
where a.cost_usd <> b.cost_usd
union all
select
    'parts of ' || vendor || ' on ' || date,
    coalesce(no_client_cost_usd, 0) + coalesce(unpriced_model_usd, 0) + coalesce(auxiliary_usd, 0)
        + coalesce(cache_split_usd, 0) + coalesce(price_list_usd, 0),
    difference_usd
from {{ ref('fct_cost_reconciliation') }}
where difference_usd <> coalesce(no_client_cost_usd, 0) + coalesce(unpriced_model_usd, 0) + coalesce(auxiliary_usd, 0)
    + coalesce(cache_split_usd, 0) + coalesce(price_list_usd, 0)
