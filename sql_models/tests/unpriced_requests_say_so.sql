-- Invariant 5: a request without a cost has tokens of a kind or model without a price, and says so; a cost has a source.
select request_key, model_name, model_id, cost_usd, cost_basis
from {{ ref('stg_api_requests') }}
where (cost_usd is null) <> (cost_basis = 'unpriced')
    or (cost_basis = 'reported') <> (cost_reported_usd is not null and model_id is not null)
    or (cost_priced_usd is not null and price_source is null)
