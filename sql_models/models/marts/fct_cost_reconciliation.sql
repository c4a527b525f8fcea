-- One row per (day, vendor): what the clients reported, what the price book says, what the vendor billed and what plans
-- cost, beside each other, and why they differ. NULL is unknown: no bill was read, no plan is declared.
with usage as (
    select
        u.date,
        u.vendor,
        cast(sum(u.request_count) as bigint) as request_count,
        cast(sum(u.total_tokens) as bigint) as total_tokens,
        cast(sum(u.unpriced_tokens) as bigint) as unpriced_tokens,
        sum(u.cost_reported_usd) as reported_usd,
        sum(u.cost_priced_usd) as priced_usd,
        sum(u.cost_usd) as cost_usd,
        sum(u.cost_usd) filter (where exists (
            select 1
            from {{ ref('stg_plans') }} as p
            where p.developer_id = u.developer_id and list_contains(p.agent_types, u.agent_type)
                and p.valid_from <= u.date and (p.valid_to is null or u.date < p.valid_to)
        )) as covered_usd,
        sum(u.no_client_cost_usd) as no_client_cost_usd,
        sum(u.unpriced_model_usd) as unpriced_model_usd,
        sum(u.auxiliary_usd) as auxiliary_usd,
        sum(u.cache_split_usd) as cache_split_usd,
        sum(u.price_list_usd) as price_list_usd
    from {{ ref('int_vendor_days') }} as u
    group by u.date, u.vendor
),

plans as (
    select date, vendor, sum(paid_usd) as paid_usd
    from {{ ref('fct_plan_costs') }}
    group by date, vendor
),

bills as (
    select date, vendor, sum(amount_usd) as billed_usd
    from {{ ref('stg_vendor_costs') }}
    group by date, vendor
),

vendor_days as (
    select date, vendor from usage
    union
    select date, vendor from plans
    union
    select date, vendor from bills
),

side_by_side as (
    select
        d.date,
        d.vendor,
        coalesce(u.request_count, 0) as request_count,
        coalesce(u.total_tokens, 0) as total_tokens,
        coalesce(u.unpriced_tokens, 0) as unpriced_tokens,
        u.* exclude (date, vendor, request_count, total_tokens, unpriced_tokens),
        b.billed_usd,
        p.paid_usd,
        -- What no plan covers is what a bill should say.
        case when u.cost_usd is not null then u.cost_usd - coalesce(u.covered_usd, 0) end as metered_usd,
        case when u.reported_usd is not null or u.priced_usd is not null
            then coalesce(u.reported_usd, 0) - coalesce(u.priced_usd, 0) end as difference_usd
    from vendor_days as d
    left join usage as u on u.date = d.date and u.vendor = d.vendor
    left join plans as p on p.date = d.date and p.vendor = d.vendor
    left join bills as b on b.date = d.date and b.vendor = d.vendor
)

select
    date,
    vendor,
    cast(request_count as bigint) as request_count,
    cast(total_tokens as bigint) as total_tokens,
    cast(unpriced_tokens as bigint) as unpriced_tokens,
    cast(reported_usd as decimal(38, 12)) as reported_usd,
    cast(priced_usd as decimal(38, 12)) as priced_usd,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(covered_usd as decimal(38, 12)) as covered_usd,
    cast(metered_usd as decimal(38, 12)) as metered_usd,
    cast(billed_usd as decimal(38, 12)) as billed_usd,
    cast(paid_usd as decimal(38, 12)) as paid_usd,
    cast(difference_usd as decimal(38, 12)) as difference_usd,
    cast(no_client_cost_usd as decimal(38, 12)) as no_client_cost_usd,
    cast(unpriced_model_usd as decimal(38, 12)) as unpriced_model_usd,
    cast(auxiliary_usd as decimal(38, 12)) as auxiliary_usd,
    cast(cache_split_usd as decimal(38, 12)) as cache_split_usd,
    cast(price_list_usd as decimal(38, 12)) as price_list_usd,
    -- The heaviest of the parts.
    case greatest(
        abs(coalesce(no_client_cost_usd, 0)), abs(coalesce(unpriced_model_usd, 0)), abs(coalesce(auxiliary_usd, 0)),
        abs(coalesce(cache_split_usd, 0)), abs(coalesce(price_list_usd, 0))
    )
        when 0 then case when unpriced_tokens > 0 then 'unpriced model'
            when reported_usd is null or priced_usd is null then null
            else 'none' end
        when abs(unpriced_model_usd) then 'unpriced model'
        when abs(no_client_cost_usd) then 'client reports no cost'
        when abs(cache_split_usd) then 'cache split unknown'
        when abs(auxiliary_usd) then 'auxiliary calls'
        else 'client''s price table differs'
    end as cause,
    cast(billed_usd - metered_usd as decimal(38, 12)) as billed_difference_usd,
    case
        when billed_usd is null and coalesce(request_count, 0) = 0 then 'nothing used'
        when billed_usd is null and metered_usd = 0 and covered_usd > 0 then 'not billed: subscription'
        when billed_usd is null then 'no bill read'
        when coalesce(request_count, 0) = 0 then 'billed, and no source told of it'
        when metered_usd is null then 'unpriced model'
        when billed_usd = metered_usd then 'as counted'
        when billed_usd = 0 and covered_usd is null then 'not billed: subscription not declared, or included'
        when billed_usd > metered_usd and unpriced_tokens > 0 then 'unpriced model'
        when billed_usd > metered_usd then 'calls that no source told of, auxiliary ones or other machines'
        else 'discount, credit, or calls of a plan not declared'
    end as billed_cause
from side_by_side
