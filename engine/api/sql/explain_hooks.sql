-- Days of sessions that an agent's own hooks tell of.
select
    h.date,
    h.developer_id,
    h.agent_type,
    h.session_id,
    h.event_count,
    h.first_event_at,
    h.last_event_at
from intermediate.int_hook_days as h
where
    /*filter:rows*/ true
    -- Hooks' days know no project: who may see only some must not learn of others here.
    and $own_projects::varchar[] is null
