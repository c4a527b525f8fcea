-- The price book's rows of the models of some calls, from who sold them, in force now or once.
select
    provider,
    model_id,
    speed,
    valid_from,
    valid_to,
    tier_above_input_tokens,
    input_usd_per_mtok,
    cache_read_usd_per_mtok,
    cache_write_5m_usd_per_mtok,
    cache_write_1h_usd_per_mtok,
    output_usd_per_mtok,
    price_source
from staging.stg_model_prices
where
    (provider, model_id) in (
        select (model_provider, model_id)
        from staging.stg_api_requests
        where list_contains(cast($calls as varchar[]), request_key)
    )
order by model_id, provider, speed, tier_above_input_tokens, valid_from
limit 200
