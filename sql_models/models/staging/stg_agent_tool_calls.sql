-- One row per tool call. Log records and transcript lines meet by the call's id, else as the k-th call of the same tool
-- in the session (older agents name no id).
{{ config(
    materialized='incremental', unique_key='session_key', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'tool_session', 'key': 'session_key', 'time': 'ts', 'times_of': 'session',
                 'touches': {'day': 'cast(usage_date as varchar)'}}}
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

transcript_lines as (
    select *
    from {{ source('raw', 'transcript_tool_calls') }}
    where {{ touched('tool_session', "coalesce(session_id, '')", 'timestamp') }}
    qualify row_number() over (partition by dedup_key order by batch_id) = 1
),

calls as (
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

ids_of_both as (
    select agent_type, coalesce(session_id, '') as session_key, tool_use_id
    from calls
    where tool_use_id is not null
    group by all
    having count(distinct source) > 1
),

keyed as (
    select
        c.*,
        case when i.tool_use_id is not null then 'id:' || c.tool_use_id
            when c.source = 'log' and c.tool_use_id is not null then c.tool_call_key
            else 'tool:' || coalesce(c.tool_name, '') end as match_key
    from calls as c
    left join ids_of_both as i
        on i.agent_type = c.agent_type and i.session_key = coalesce(c.session_id, '') and i.tool_use_id = c.tool_use_id
),

-- An id told twice by one source is one call (a later line replaces an earlier one).
distinct_calls as (
    select *
    from keyed
    qualify tool_use_id is null or row_number() over (
        partition by agent_type, session_id, source, tool_use_id
        order by success is null, commit_sha is null, ts, tool_call_key
    ) = 1
),

numbered as (
    select
        *,
        row_number() over (
            partition by agent_type, session_id, source, match_key order by ts, tool_call_key
        ) as occurrence
    from distinct_calls
),

merged as (
    select
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
    from (select * from numbered where source = 'log') as l
    full outer join (select * from numbered where source = 'transcript') as t
        on t.agent_type = l.agent_type and t.session_id is not distinct from l.session_id
        and t.match_key = l.match_key and t.occurrence = l.occurrence
),

-- The project at which the session was then, or first.
places as (
    select agent_type, session_id, ts, cast(null as varchar) as tool_call_key, project_id
    from {{ ref('stg_session_context') }}
    where project_id is not null
    union all
    select agent_type, session_id, ts, tool_call_key, null from merged where session_id is not null
),

located as (
    select
        tool_call_key,
        coalesce(
            last_value(project_id ignore nulls) over (
                partition by agent_type, session_id order by ts, tool_call_key is not null rows unbounded preceding
            ),
            first_value(project_id ignore nulls) over (
                partition by agent_type, session_id order by ts, tool_call_key is not null
                rows between unbounded preceding and unbounded following
            )
        ) as project_id
    from places
    qualify tool_call_key is not null
)

select
    m.tool_call_key,
    m.agent_type,
    m.session_id,
    coalesce(m.session_id, '') as session_key,
    coalesce(by_id.developer_id, by_email.developer_id, m.developer_said, lower(m.user_email), 'unknown')
        as developer_id,
    w.project_id,
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
left join {{ ref('stg_developer_names') }} as by_id on by_id.value = lower(m.developer_said)
left join {{ ref('stg_developer_names') }} as by_email on by_email.value = lower(m.user_email)
left join located as w on w.tool_call_key = m.tool_call_key
{%- if not is_incremental() %}
-- Stored by time: whoever asks for some days reads only their row groups.
order by m.ts
{%- endif %}
