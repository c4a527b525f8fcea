-- What the stored requests would cost by other prices: the rules of staging.stg_api_requests with the prices and the
-- names of $prices and $names (JSON). `now` is what the models say, `then` what they would say.
with offered as (
    select
        unnest(from_json($prices::json, '[{
            "provider": "VARCHAR", "model_id": "VARCHAR", "speed": "VARCHAR", "valid_from": "TIMESTAMPTZ",
            "valid_to": "TIMESTAMPTZ", "tier": "BIGINT", "input": "DECIMAL(18,9)", "cache_read": "DECIMAL(18,9)",
            "cache_write_5m": "DECIMAL(18,9)", "cache_write_1h": "DECIMAL(18,9)", "output": "DECIMAL(18,9)",
            "request_usd": "DECIMAL(18,9)", "priority": "INTEGER"
        }]'), recursive := true)
),

prices as (
    select *, row_number() over (order by priority, tier, valid_from, provider, model_id, speed) as price_rank
    from offered
),

names as (
    select
        unnest(from_json($names::json, '[{
            "agent_type": "VARCHAR", "model_name": "VARCHAR", "provider": "VARCHAR", "model_id": "VARCHAR"
        }]'), recursive := true)
),

speeds as (
    select distinct provider, model_id, speed from prices
),

requests as (
    select
        r.* exclude (model_id, model_provider),
        n.provider as model_provider,
        n.model_id,
        case when r.grain = 'metric' then 0
            else r.input_tokens + r.cache_read_tokens + r.cache_write_tokens end as whole_input_tokens,
        coalesce(s.speed, 'standard') as billed_speed
    from staging.stg_api_requests as r
    join names as n on n.agent_type = r.agent_type and n.model_name = r.model_name
    left join speeds as s on s.provider = n.provider and s.model_id = n.model_id and s.speed = r.speed
),

chosen as (
    select r.request_key, max(p.price_rank) as price_rank
    from requests as r
    join prices as p
        on p.provider = r.model_provider
        and p.model_id = r.model_id
        and p.speed = r.billed_speed
        and p.valid_from <= r.ts
        and (p.valid_to is null or r.ts < p.valid_to)
        and (p.tier = 0 or p.tier < r.whole_input_tokens)
    group by r.request_key
),

-- Tokens of a kind that has no price make the whole request unpriced.
priced as (
    select
        r.agent_type,
        r.model_name,
        r.request_key,
        r.cost_priced_usd,
        r.cost_usd,
        case when p.price_rank is not null then cast((
            case when r.input_tokens = 0 then 0::decimal(38, 9)
                else cast(r.input_tokens * p.input as decimal(38, 9)) end
            + case when r.cache_read_tokens = 0 then 0::decimal(38, 9)
                else cast(r.cache_read_tokens * p.cache_read as decimal(38, 9)) end
            + case when r.cache_write_5m_tokens + r.cache_write_unknown_tokens = 0 then 0::decimal(38, 9)
                else cast(
                    (r.cache_write_5m_tokens + r.cache_write_unknown_tokens) * p.cache_write_5m as decimal(38, 9)
                ) end
            + case when r.cache_write_1h_tokens = 0 then 0::decimal(38, 9)
                else cast(r.cache_write_1h_tokens * p.cache_write_1h as decimal(38, 9)) end
            + case when r.output_tokens = 0 then 0::decimal(38, 9)
                else cast(r.output_tokens * p.output as decimal(38, 9)) end
            + case when r.success and r.grain = 'request'
                then cast(coalesce(p.request_usd, 0) * 1000 as decimal(38, 9)) else 0::decimal(38, 9) end
        ) * 0.000001::decimal(7, 6) as decimal(38, 12)) end as priced_then_usd,
        case when r.cost_reported_usd is not null and r.model_id is not null then r.cost_reported_usd end as reported_usd
    from requests as r
    left join chosen as c on c.request_key = r.request_key
    left join prices as p on p.price_rank = c.price_rank
)

select
    agent_type,
    model_name,
    cast(count(*) as bigint) as request_count,
    cast(sum(cost_priced_usd) as decimal(38, 12)) as priced_now_usd,
    cast(sum(priced_then_usd) as decimal(38, 12)) as priced_then_usd,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_now_usd,
    cast(sum(coalesce(reported_usd, priced_then_usd)) as decimal(38, 12)) as cost_then_usd
from priced
group by agent_type, model_name
order by agent_type, model_name
