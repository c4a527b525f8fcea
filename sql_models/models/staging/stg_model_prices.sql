-- Prices in force: per priority only the source that was published last, each price once. The workspace's own prices
-- have the higher priority; a row without provider only says that a source is now empty. Of several prices that hold for
-- a request the one with the highest rank counts.
{{ config(materialized='table') }}

with published as (
    select
        *,
        last_value(price_source) over (
            partition by priority order by batch_id, received_at, price_source
            rows between unbounded preceding and unbounded following
        ) as current_source
    from {{ source('raw', 'model_prices') }}
)

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
    request_usd,
    price_source,
    priority,
    row_number() over (
        order by priority, tier_above_input_tokens, valid_from, provider, model_id, speed
    ) as price_rank
from (
    select *
    from published
    where price_source = current_source and provider <> ''
    qualify row_number() over (
        partition by provider, model_id, speed, valid_from, tier_above_input_tokens, priority
        order by batch_id desc, received_at desc, dedup_key desc
    ) = 1
)
