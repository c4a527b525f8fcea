-- One row per line of a vendor's bill, in US dollars: the last word of each report. Amounts in cents are divided here,
-- once. Reports that are no bill, in another currency, or of an unknown source have no row.
with latest as (
    select *
    from {{ source('raw', 'vendor_reports') }}
    qualify row_number() over (
        partition by source, scope, day, report_key order by batch_id desc, received_at desc, dedup_key desc
    ) = 1
),

told as (
    select
        source, scope, day, report_key,
        case source
            when 'anthropic.cost_report' then 'anthropic'
            when 'cursor.usage_events' then 'cursor'
            when 'github.ai_credit_usage' then 'github'
            when 'invoice' then lower(payload ->> '$.vendor')
        end as vendor,
        payload ->> '$.model' as model_name,
        case
            when coalesce(payload ->> '$.currency', 'USD') <> 'USD' then null
            when source = 'anthropic.cost_report'
                then try_cast(payload ->> '$.amount' as decimal(24, 10)) * 0.01::decimal(3, 2)
            when source = 'cursor.usage_events'
                then try_cast(payload ->> '$.chargedCents' as decimal(24, 10)) * 0.01::decimal(3, 2)
            when source = 'github.ai_credit_usage' then try_cast(payload ->> '$.netAmount' as decimal(24, 12))
            when source = 'invoice' then try_cast(payload ->> '$.amount_usd' as decimal(24, 12))
        end as amount_usd
    from latest
)

select source, scope, day as date, report_key, vendor, model_name, cast(amount_usd as decimal(38, 12)) as amount_usd
from told
where vendor is not null and amount_usd is not null
