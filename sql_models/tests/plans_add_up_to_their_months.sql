-- A month that a seat was paid from its first to its last day costs exactly the month's price.
select
    f.plan, f.developer_said, date_trunc('month', f.date) as month_start, sum(f.paid_usd) as paid_usd, p.monthly_usd
from {{ ref('fct_plan_costs') }} as f
join {{ ref('stg_plans') }} as p
    on p.vendor = f.vendor and p.plan = f.plan and p.developer_said is not distinct from f.developer_said
    and p.valid_from = f.valid_from
group by f.plan, f.developer_said, f.valid_from, date_trunc('month', f.date), p.monthly_usd
having count(*) = extract(day from last_day(max(f.date))) and sum(f.paid_usd) <> p.monthly_usd
