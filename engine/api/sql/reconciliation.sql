-- One row per (day, vendor). Bills and plans are the workspace's, not a developer's or a project's: who may see only
-- some rows sees none of these.
select
    strftime(r.date, '%Y-%m-%d') || ' ' || r.vendor as reconciliation_key,
    r.*
from mart.fct_cost_reconciliation as r
where
    /*filter:days*/ true
    and $own_developer::varchar is null
    and $own_projects::varchar[] is null
