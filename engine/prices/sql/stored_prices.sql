-- The price list that the models use.
select
    priority, provider, model_id, speed, valid_from, valid_to, tier_above_input_tokens, input_usd_per_mtok,
    cache_read_usd_per_mtok, cache_write_5m_usd_per_mtok, cache_write_1h_usd_per_mtok, output_usd_per_mtok, request_usd
from staging.stg_model_prices
