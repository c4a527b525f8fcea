-- One row per (provider, canonical model) that an agent's name for a model points to, with its standard prices of today's
-- first tier (the latest validity).
with used as (
    select distinct provider, model_id from {{ ref('stg_model_names') }} where model_id is not null
),

current_prices as (
    select *
    from {{ ref('stg_model_prices') }}
    where speed = 'standard' and tier_above_input_tokens = 0
    qualify row_number() over (partition by provider, model_id order by priority desc, valid_from desc) = 1
)

select
    u.model_id,
    u.provider,
    p.input_usd_per_mtok,
    p.cache_read_usd_per_mtok,
    p.cache_write_5m_usd_per_mtok,
    p.cache_write_1h_usd_per_mtok,
    p.output_usd_per_mtok,
    p.valid_from,
    p.price_source
from used as u
left join current_prices as p on p.provider = u.provider and p.model_id = u.model_id
