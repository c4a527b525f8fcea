-- One row per (day, vendor, plan, developer as declared, first day of the seat): money paid for a declared plan, whatever was used.
-- A month's price is spread evenly over its days and adds up to the month exactly. Days end with the last day of
-- any use. Seats that nobody sits on have no developer.
with bounds as (
    select max(date) as last_date from {{ ref('fct_daily_usage') }}
),

days as (
    select
        p.*,
        cast(unnest(generate_series(
            p.valid_from, least(coalesce(p.valid_to - 1, b.last_date), b.last_date), interval 1 day
        )) as date) as date
    from {{ ref('stg_plans') }} as p
    cross join bounds as b
),

-- In millionths of millionths of a dollar, whole numbers: nothing is lost in a division.
due as (
    select
        *,
        cast(cast(monthly_usd as decimal(25, 12)) * 1000000000000::decimal(13, 0) as hugeint) as units,
        extract(day from date) as day_of_month,
        extract(day from last_day(date)) as days_of_month
    from days
)

select
    date,
    vendor,
    plan,
    developer_said,
    developer_id,
    valid_from,
    agent_types,
    -- What is due by the end of this day, less what was due the day before.
    cast(
        cast(units * day_of_month // days_of_month - units * (day_of_month - 1) // days_of_month as decimal(25, 0))
        * 0.000000000001::decimal(13, 12) as decimal(38, 12)
    ) as paid_usd
from due
