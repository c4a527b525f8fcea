-- One row per (day, vendor, developer, agent): what the calls cost by their clients and by the price book, and the
-- difference of the two, split by why they differ. The parts add up to reported minus priced, to the last digit.
{{ config(
    materialized='incremental', unique_key='date', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'developer_day', 'key': "cast(date as varchar) || ' ' || developer_id",
                 'within': 'date in (select distinct cast(left(key, 10) as date) from aa_touched_developer_day)'}}
) }}

with requests as (
    select
        r.*,
        -- Who sends the bill: an agent's own vendor where it bills every model itself, else who serves the model.
        coalesce(
            case when v.bills_models then v.vendor end,
            case r.model_provider when 'github-copilot' then 'github' else r.model_provider end,
            v.vendor, 'unknown'
        ) as vendor
    from {{ ref('stg_api_requests') }} as r
    left join {{ ref('vendors') }} as v on v.agent_type = r.agent_type
    where {{ touched_day('r.usage_date', 'r.developer_id') }}
),

compared as (
    select
        *,
        cost_reported_usd - cost_priced_usd as difference_usd,
        case
            when cost_reported_usd is null then 'no client cost'
            when cost_priced_usd is null then 'unpriced'
            when query_source = 'auxiliary' then 'auxiliary'
            when cache_write_unknown_tokens > 0 then 'cache split'
            else 'price list'
        end as reason
    from requests
)

select
    usage_date as date,
    vendor,
    developer_id,
    agent_type,
    {{ usage_measures() }},
    cast(-sum(cost_priced_usd) filter (where reason = 'no client cost') as decimal(38, 12)) as no_client_cost_usd,
    cast(sum(cost_reported_usd) filter (where reason = 'unpriced') as decimal(38, 12)) as unpriced_model_usd,
    cast(sum(difference_usd) filter (where reason = 'auxiliary') as decimal(38, 12)) as auxiliary_usd,
    cast(sum(difference_usd) filter (where reason = 'cache split') as decimal(38, 12)) as cache_split_usd,
    cast(sum(difference_usd) filter (where reason = 'price list') as decimal(38, 12)) as price_list_usd
from compared
group by usage_date, vendor, developer_id, agent_type
