-- One row per calendar day from the first to the last day of anything.
with bounds as (
    select min(date) as first_date, max(date) as last_date
    from (
        select min(date) as date from {{ ref('fct_daily_usage') }}
        union all select max(date) from {{ ref('fct_daily_usage') }}
        union all select min(commit_date) from {{ ref('stg_git_commits') }}
        union all select max(commit_date) from {{ ref('stg_git_commits') }}
        union all select min(session_date) from {{ ref('stg_agent_sessions') }}
        union all select max(session_date) from {{ ref('stg_agent_sessions') }}
    )
),

days as (
    select cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as date
    from bounds
    where first_date is not null
)

select
    date,
    cast(extract(year from date) as integer) as year,
    cast(extract(quarter from date) as integer) as quarter,
    cast(extract(month from date) as integer) as month,
    cast(extract(isodow from date) as integer) as iso_day_of_week,
    cast(date_trunc('week', date) as date) as week_start,
    cast(date_trunc('month', date) as date) as month_start,
    extract(isodow from date) > 5 as is_weekend
from days
