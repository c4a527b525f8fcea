-- Days of developers and agents, as their sources tell of them.
select
    u.date,
    u.developer_id,
    d.developer_name,
    u.agent_type,
    u.verdict,
    case when u.alarm_since <= $now::timestamptz - interval 15 minutes then u.alarm end as alarm,
    u.is_latest and u.date >= cast($now::timestamptz - interval 14 days as date) as is_now,
    u.alarm_since,
    u.silent_session_count,
    u.silent_tokens
from mart.fct_source_coverage as u
left join mart.dim_developers as d on d.developer_id = u.developer_id
where
    /*filter:rows*/ true
    and $own_projects::varchar[] is null
qualify row_number() over (partition by u.date, u.developer_id, u.agent_type order by u.source) = 1
