-- One row per commit, one column per metric of it.
select
    c.commit_timestamp as time,
    c.developer_id as developer,
    c.project_id as project,
    c.agent_type as agent,
    cast(null as varchar) as model,
    c.branch,
    cast(null as varchar) as session,
    1::decimal(38, 12) as commits,
    case when c.is_agent_assisted then 1 else 0 end::decimal(38, 12) as assisted_commits,
    c.lines_added::decimal(38, 12) as lines_added,
    c.lines_deleted::decimal(38, 12) as lines_deleted
from mart.fct_git_commits as c
