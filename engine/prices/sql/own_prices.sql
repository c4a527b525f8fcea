-- The workspace's own prices in force; a row without provider says that there are none.
select
    price_source, provider, model_id, speed, valid_from, valid_to, tier_above_input_tokens, input_usd_per_mtok,
    cache_read_usd_per_mtok, cache_write_5m_usd_per_mtok, cache_write_1h_usd_per_mtok, output_usd_per_mtok, request_usd
from raw.model_prices
where priority = $priority
qualify
    price_source = last_value(price_source) over (
        order by batch_id, received_at, price_source
        rows between unbounded preceding and unbounded following
    )
    and row_number() over (
        partition by price_source, provider, model_id, speed, valid_from, tier_above_input_tokens
        order by batch_id desc, received_at desc, dedup_key desc
    ) = 1
order by all
