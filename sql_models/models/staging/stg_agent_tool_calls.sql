-- One row per tool call. Log records and transcript lines meet by the call's id, else as the k-th call of the same tool
-- in the session (older agents name no id).
{{ config(
    materialized='incremental', unique_key='session_key', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'tool_session', 'key': 'session_key', 'time': 'ts', 'times_of': 'session',
                 'touches': {'day': 'cast(usage_date as varchar)',
                             'developer_day': "cast(usage_date as varchar) || ' ' || developer_id"}}}
) }}

with log_records as (
    select *
    from {{ source('raw', 'otel_logs') }}
    where event_name in ('tool_result', 'tool_call')
        and {{ touched('tool_session', "coalesce(session_id, '')", 'timestamp') }}
    qualify row_number() over (partition by dedup_key order by batch_id) = 1
),

parents as (
    {{ session_parents() }}
),

decisions as (
    select
        agent_type, coalesce(root_id, session_id) as session_id, tool_use_id, arg_max(decision, timestamp) as decision
    from {{ source('raw', 'otel_logs') }}
    left join parents on parents_agent = agent_type and child_id = session_id
    where event_name = 'tool_decision' and tool_use_id is not null and decision is not null
        and {{ touched('tool_session', "coalesce(session_id, '')", 'timestamp') }}
    group by all
),

-- Agents without log records tell of their tools by spans.
span_records as (
    select *
    from {{ source('raw', 'otel_spans') }}
    where (starts_with(span_name, 'execute_tool') or span_name = 'ai.toolCall')
        and {{ touched('tool_session', "coalesce(session_id, '')", 'timestamp') }}
    qualify row_number() over (partition by agent_type, trace_id, span_id order by batch_id, dedup_key) = 1
),

-- A forked or resumed session repeats calls of the first one in its history, with their ids and times: whose call it
-- is says the log, else the earliest of the sessions.
owners as (
    select tool_use_id, arg_min(session_id, (told_by, session_id)) as owner_id
    from (
        select tool_use_id, session_id, 1 as told_by
        from {{ source('raw', 'otel_logs') }}
        where agent_type = 'claude_code' and event_name = 'tool_result' and session_id is not null
            and {{ touched_nearby('session', 'timestamp', 'timestamp', 60) }}
        union all
        select tool_use_id, session_id, case when is_sidechain then 3 else 2 end
        from {{ source('raw', 'transcript_tool_calls') }}
        where agent_type = 'claude_code' and session_id is not null
            and {{ touched_nearby('session', 'timestamp', 'timestamp', 60) }}
    )
    where tool_use_id is not null
    group by tool_use_id
    having count(distinct session_id) > 1
),

transcript_lines as (
    select r.*
    from {{ source('raw', 'transcript_tool_calls') }} as r
    left join owners as o on o.tool_use_id = r.tool_use_id and r.agent_type = 'claude_code'
    where {{ touched('tool_session', "coalesce(r.session_id, '')", 'r.timestamp') }}
        and (o.owner_id is null or o.owner_id is not distinct from r.session_id)
    qualify row_number() over (partition by r.dedup_key order by r.batch_id) = 1
),

told as (
    select
        'log' as source,
        'log:' || cast(dedup_key as varchar) as tool_call_key,
        agent_type, coalesce(root_id, session_id) as session_id, developer_id as developer_said, user_email, timestamp as ts, tool_name, tool_use_id,
        duration_ms, success, error_type, decision, file_extension, arguments_hash,
        coalesce(is_git_commit, false) as is_git_commit, commit_sha,
        case when root_id is not null then true
            when agent_type = 'claude_code' then agent_name is not null or query_source like 'agent:%' end
            as is_subagent
    from log_records
    left join parents on parents_agent = agent_type and child_id = session_id
    union all by name
    select
        'log' as source,
        'span:' || trace_id || ':' || span_id as tool_call_key,
        agent_type, coalesce(root_id, session_id) as session_id, developer_id as developer_said, user_email, coalesce(end_time, timestamp) as ts,
        tool_name, tool_use_id, cast((epoch_us(end_time) - epoch_us(timestamp)) // 1000 as bigint) as duration_ms,
        coalesce(success, status is distinct from 'error' and error_type is null) as success, error_type,
        cast(null as varchar) as decision, file_extension, arguments_hash,
        coalesce(is_git_commit, false) as is_git_commit, commit_sha,
        case when root_id is not null then true end as is_subagent
    from span_records
    left join parents on parents_agent = agent_type and child_id = session_id
    union all by name
    select
        'transcript' as source,
        'transcript:' || cast(dedup_key as varchar) as tool_call_key,
        agent_type, coalesce(root_id, session_id) as session_id, developer_id as developer_said,
        cast(null as varchar) as user_email, timestamp as ts, tool_name, tool_use_id, duration_ms, success, error_type,
        cast(null as varchar) as decision, file_extension, arguments_hash,
        coalesce(is_git_commit, false) as is_git_commit, commit_sha, is_sidechain as is_subagent
    from transcript_lines
    left join parents on parents_agent = agent_type and child_id = session_id
),

-- Numbers instead of names: what is brought together below is a few bytes a row.
calls as materialized (
    select *, row_number() over () as number from told
),

ids as (
    select
        agent_type, session_id, tool_use_id,
        count(*) filter (where source = 'log') as logs,
        count(*) filter (where source = 'transcript') as transcripts,
        min(number) filter (where source = 'log') as log_number,
        min(number) filter (where source = 'transcript') as transcript_number
    from calls
    where tool_use_id is not null
    group by all
),

-- An id told twice by one source is one call (a later line replaces an earlier one).
repeated as (
    select
        c.agent_type, c.session_id, c.tool_use_id,
        arg_min(c.number, (c.success is null, c.commit_sha is null, c.ts, c.tool_call_key))
            filter (where c.source = 'log') as log_number,
        arg_min(c.number, (c.success is null, c.commit_sha is null, c.ts, c.tool_call_key))
            filter (where c.source = 'transcript') as transcript_number
    from calls as c
    join ids as i
        on i.agent_type = c.agent_type and i.session_id is not distinct from c.session_id
        and i.tool_use_id = c.tool_use_id
    where i.logs > 1 or i.transcripts > 1
    group by all
),

by_id as (
    select
        coalesce(r.log_number, i.log_number) as log_number,
        coalesce(r.transcript_number, i.transcript_number) as transcript_number
    from ids as i
    left join repeated as r
        on r.agent_type = i.agent_type and r.session_id is not distinct from i.session_id
        and r.tool_use_id = i.tool_use_id
),

-- Without an id that both know: the k-th call of the same tool. A log record's own id stands for no other call.
loose as (
    select
        number, agent_type, session_id, source, coalesce(tool_name, '') as tool,
        row_number() over (
            partition by agent_type, session_id, source, coalesce(tool_name, '') order by ts, tool_call_key
        ) as occurrence
    from calls
    where tool_use_id is null
        or number in (select transcript_number from by_id where log_number is null)
),

pairs as (
    select log_number, transcript_number from by_id where log_number is not null
    union all
    select l.number as log_number, t.number as transcript_number
    from (select * from loose where source = 'log') as l
    full outer join (select * from loose where source = 'transcript') as t
        on t.agent_type = l.agent_type and t.session_id is not distinct from l.session_id
        and t.tool = l.tool and t.occurrence = l.occurrence
),

merged as (
    select
        coalesce(l.number, t.number) as number,
        coalesce(l.tool_call_key, t.tool_call_key) as tool_call_key,
        coalesce(l.agent_type, t.agent_type) as agent_type,
        coalesce(l.session_id, t.session_id) as session_id,
        coalesce(l.developer_said, t.developer_said) as developer_said,
        l.user_email,
        coalesce(l.ts, t.ts) as ts,
        coalesce(l.tool_name, t.tool_name) as tool_name,
        coalesce(l.tool_use_id, t.tool_use_id) as tool_use_id,
        coalesce(l.duration_ms, t.duration_ms) as duration_ms,
        coalesce(l.success, t.success) as success,
        coalesce(l.error_type, t.error_type) as error_type,
        l.decision,
        coalesce(l.file_extension, t.file_extension) as file_extension,
        coalesce(l.arguments_hash, t.arguments_hash) as arguments_hash,
        coalesce(l.is_git_commit, false) or coalesce(t.is_git_commit, false) as is_git_commit,
        case when length(t.commit_sha) > coalesce(length(l.commit_sha), 0) then t.commit_sha
            else l.commit_sha end as commit_sha,
        coalesce(t.is_subagent, l.is_subagent, false) as is_subagent
    from pairs as p
    left join calls as l on l.number = p.log_number
    left join calls as t on t.number = p.transcript_number
),

{{ session_homes() }},

-- The project at which the session was then, or first: of sessions that were at several.
located as (
    select
        number,
        coalesce(
            last_value(project_id ignore nulls) over (
                partition by agent_type, session_id order by ts, number is not null rows unbounded preceding
            ),
            first_value(project_id ignore nulls) over (
                partition by agent_type, session_id order by ts, number is not null
                rows between unbounded preceding and unbounded following
            )
        ) as project_id
    from (
        select agent_type, session_id, ts, cast(null as bigint) as number, max(project_id) as project_id
        from session_lines
        semi join session_moves using (agent_type, session_id)
        where project_id is not null
        group by agent_type, session_id, ts
        union all
        select agent_type, session_id, ts, number, null
        from merged
        semi join session_moves using (agent_type, session_id)
    )
    qualify number is not null
)

select
    m.tool_call_key,
    m.agent_type,
    m.session_id,
    coalesce(m.session_id, '') as session_key,
    coalesce(
        by_id.developer_id, by_email.developer_id, {{ plain_address('m.developer_said') }},
        {{ name_key('m.user_email') }}, 'unknown'
    ) as developer_id,
    coalesce(h.project_id, w.project_id) as project_id,
    m.ts,
    {{ report_day('m.ts') }} as usage_date,
    m.tool_name,
    m.tool_use_id,
    m.duration_ms,
    m.success,
    m.error_type,
    coalesce(m.decision, d.decision) as decision,
    m.file_extension,
    m.arguments_hash,
    m.is_git_commit,
    m.commit_sha,
    m.is_subagent
from merged as m
left join decisions as d
    on d.agent_type = m.agent_type and d.session_id is not distinct from m.session_id
    and d.tool_use_id = m.tool_use_id
left join {{ ref('stg_developer_names') }} as by_id on by_id.value = {{ name_key('m.developer_said') }}
left join {{ ref('stg_developer_names') }} as by_email on by_email.value = {{ name_key('m.user_email') }}
left join session_homes as h
    on h.agent_type = m.agent_type and h.session_id = m.session_id and not h.moved
left join located as w on w.number = m.number
{%- if not is_incremental() %}
-- Stored by time: whoever asks for some days reads only their row groups.
order by m.ts
{%- endif %}
