-- What the ledger gives a commit: per session and day its confidence times its share of the session's changed lines.
select
    c.commit_hash,
    c.project_id,
    c.developer_id,
    c.agent_type,
    c.session_id,
    c.date,
    c.confidence,
    c.total_tokens,
    c.cost_usd
from mart.fct_commit_costs as c
where /*filter:rows*/ true
