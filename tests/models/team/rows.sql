-- What the team's agents, hooks and repositories told of that work, with the dirt of real life: late rows, repetitions
-- after the dedup window, requests that name no session, histories beside telemetry, forks, abbreviated hashes.

insert into raw.otel_logs by name
with tools as (
    select
        *,
        case pick('tool', number, 1, 5) when 0 then 'Bash' when 1 then 'Read' when 2 then 'Edit' when 3 then 'Grep' else 'Write' end as tool_name,
        'toolu_' || hex_of('tool', number, 0, 0) as tool_use_id,
        chance('tool', number, 2) > 0.06 as tool_succeeded
    from team_requests
    where caller <> 'auxiliary' and not failed and agent_type not in ('github_copilot', 'opencode')
),

requested as (
    select
        key_of('api', number, 0, 0) as dedup_key, ts as timestamp, agent_type, version as service_version, resource_id,
        developer_id,
        -- Some calls of the housekeeping name no session.
        case when caller = 'auxiliary' and chance('lost', number, 0) < 0.04 then null else session_id end as session_id,
        user_id, user_email,
        case when agent_type = 'claude_code' then if(failed, 'api_error', 'api_request')
            when agent_type = 'codex' then if(failed, 'api_request', 'sse_event') else if(failed, 'api_error', 'api_response') end as event_name,
        case when agent_type = 'claude_code' then prompt_id end as prompt_id,
        case when agent_type = 'claude_code' then request_id end as request_id,
        model,
        case when agent_type = 'claude_code' then
            case caller when 'main' then 'repl_main_thread' when 'subagent' then 'agent:builtin:general-purpose' else 'generate_session_title' end
        end as query_source,
        case when caller = 'subagent' then 'general-purpose' end as agent_name,
        case when failed then null when agent_type = 'claude_code' then input_tokens else input_tokens + cache_read_tokens end as input_tokens,
        if(failed, null, output_tokens) as output_tokens,
        if(failed, null, cache_read_tokens) as cache_read_tokens,
        if(failed, null, cache_write_tokens) as cache_write_tokens,
        case when agent_type in ('codex', 'gemini_cli') and not failed then output_tokens // 4 end as reasoning_tokens,
        case when agent_type = 'claude_code' and not failed and model <> 'team-model-1' then cast(
            (input_tokens * 5 + cache_read_tokens * 0.5 + cache_write_tokens * 6.25 + output_tokens * 25) * 0.000001
            as decimal(38, 12)) end as cost_usd,
        duration_ms,
        not failed as success,
        case when failed then [429, 500, 529][1 + pick('status', number, 0, 3)] end as status_code,
        case when agent_type = 'claude_code' then 'normal' end as speed,
        cast(null as varchar) as tool_name, cast(null as varchar) as tool_use_id, cast(null as varchar) as decision,
        cast(null as varchar) as error_type, cast(null as varchar) as file_extension, cast(null as boolean) as is_git_commit,
        cast(null as varchar) as commit_sha, number * 4 as event_sequence
    from team_requests
    where told and agent_type not in ('github_copilot', 'opencode')
),

prompts as (
    select
        key_of('prompt', number, 0, 0) as dedup_key, moved(ts, -1) as timestamp, agent_type, version as service_version, resource_id,
        developer_id, session_id, user_id, user_email, 'user_prompt' as event_name,
        case when agent_type = 'claude_code' then prompt_id end as prompt_id, number * 4 - 1 as event_sequence
    from team_requests
    where told and prompted and caller = 'main' and agent_type not in ('github_copilot', 'opencode')
),

decided as (
    select
        key_of('decision', number, 0, 0) as dedup_key, moved(ts, duration_ms * 0.001) as timestamp, agent_type, version as service_version,
        resource_id, developer_id, session_id, user_id, user_email, 'tool_decision' as event_name,
        case when agent_type = 'claude_code' then prompt_id end as prompt_id, tool_name, tool_use_id,
        if(chance('decision', number, 0) < 0.03, 'reject', 'accept') as decision, number * 4 + 1 as event_sequence
    from tools
    where told and agent_type in ('claude_code', 'codex')
),

used as (
    select
        key_of('tool', number, 0, 0) as dedup_key, moved(ts, duration_ms * 0.001 + 0.4) as timestamp, agent_type, version as service_version,
        resource_id, developer_id, session_id, user_id, user_email,
        if(agent_type in ('claude_code', 'codex'), 'tool_result', 'tool_call') as event_name,
        case when agent_type = 'claude_code' then prompt_id end as prompt_id, tool_name,
        -- Older agents name no call.
        case when agent_type in ('claude_code', 'codex') then tool_use_id end as tool_use_id, 30 + pick('tool', number, 3, 3000) as duration_ms,
        tool_succeeded as success, if(tool_succeeded, null, 'ToolError') as error_type,
        case when tool_name in ('Read', 'Edit', 'Write') then ['py', 'ts', 'sql', 'md'][1 + pick('tool', number, 4, 4)] end as file_extension,
        case when caller = 'subagent' then 'agent:builtin:general-purpose' end as query_source,
        false as is_git_commit, number * 4 + 2 as event_sequence
    from tools
    where told
),

committed as (
    select
        key_of('commit call', session, stretch, c) as dedup_key, moved(ts, 0.7) as timestamp, agent_type, session_id,
        'developer' || developer || '@team.example' as developer_id, 'tool_result' as event_name, 'Bash' as tool_name,
        'toolu_' || hex_of('commit', session, stretch, c) as tool_use_id, 150 as duration_ms, true as success, true as is_git_commit,
        case when chance('named', session, c) < 0.4 then left(commit_hash, 7) end as commit_sha
    from team_commits
    where by_agent and told and agent_type in ('claude_code', 'codex')
),

told as (
    select * from requested
    union all by name select * from prompts
    union all by name select * from decided
    union all by name select * from used
    union all by name select * from committed
),

-- One in a hundred is up to three hours late; one in two thousand is repeated after two days.
arrived as (
    select *, moved(timestamp, 5 + if(chance('late', dedup_key, 0) < 0.01, 10800 * chance('late', dedup_key, 1), 0)) as received_at from told
    union all by name
    select *, moved(timestamp, 180000) as received_at from told where chance('again', dedup_key, 0) < 0.0005
)

select
    batch_of(received_at) as batch_id, *,
    'service-of-' || agent_type as service_name, 'INFO' as severity,
    case when event_sequence % 4 = 0 then '{"terminal.type":"tmux-256color","organization.id":"7b6c2c9e-0000-4000-8000-000000000001"}' end as attributes
from arrived
order by batch_id;

insert into raw.otel_metrics by name
with minutes as (
    select
        session, stretch, n // 4 as part, agent_type, session_id, developer_id, user_id, user_email, resource_id, version, model, caller,
        max(ts) as ts, min(began) as began,
        sum(input_tokens) as input, sum(output_tokens) as output, sum(cache_read_tokens) as cacheRead,
        sum(cache_write_tokens) as cacheCreation
    from team_requests
    where told and agent_type = 'claude_code' and not failed
    group by all
),

counted as (
    unpivot minutes on input, output, cacheRead, cacheCreation into name token_type value tokens
),

points as (
    select
        key_of('tokens', number, token_type, caller || model) as dedup_key, ts as timestamp, moved(ts, -60) as start_time,
        * exclude (ts, began, tokens, session, stretch, part, number, caller, version), version as service_version, caller as query_source,
        'claude_code.token.usage' as metric_name, cast(tokens as double) as metric_value, 'tokens' as unit, 'delta' as temporality
    from (select *, session * 1000 + stretch * 200 + part as number from counted)
    union all by name
    select
        key_of('cost', session * 1000 + stretch * 200 + part, model, caller) as dedup_key, ts as timestamp, moved(ts, -60) as start_time, agent_type,
        session_id, developer_id, user_id, user_email, resource_id, model, version as service_version, caller as query_source,
        'claude_code.cost.usage' as metric_name,
        (input * 5 + cacheRead * 0.5 + cacheCreation * 6.25 + output * 25) * 0.000001::double as metric_value, 'USD' as unit, 'delta' as temporality
    from minutes
    where model <> 'team-model-1'
    union all by name
    select
        key_of('active', session, stretch, part) as dedup_key, max(ts) as timestamp, min(ts) as start_time, agent_type,
        session_id, developer_id, user_id, user_email, resource_id, version as service_version,
        'claude_code.active_time.total' as metric_name, 45.0 as metric_value, 's' as unit, 'delta' as temporality
    from minutes
    group by session, stretch, part, agent_type, session_id, developer_id, user_id, user_email, resource_id, version
    union all by name
    select
        key_of('sessions', session, stretch, 0) as dedup_key, began as timestamp, began as start_time, agent_type,
        session_id, developer_id, user_id, user_email, resource_id, version as service_version,
        'claude_code.session.count' as metric_name, 1.0 as metric_value, '' as unit, 'delta' as temporality
    from team_work
    where told and agent_type = 'claude_code'
    union all by name
    -- Gemini's counters only grow; Codex's name no session.
    select
        key_of('growing', session, stretch * 200 + n, token_type) as dedup_key, ts as timestamp, began as start_time, agent_type,
        session_id, developer_id, user_id, user_email, resource_id, model, version as service_version, token_type,
        'gemini_cli.token.usage' as metric_name,
        cast(sum(tokens) over (partition by session, stretch, token_type order by ts rows unbounded preceding) as double) as metric_value,
        'tokens' as unit, 'cumulative' as temporality
    from (
        unpivot (select * from team_requests where told and agent_type = 'gemini_cli' and not failed)
        on input_tokens, output_tokens into name token_name value tokens
    ) as g, (values ('input_tokens', 'input'), ('output_tokens', 'output')) as t(token_name, token_type)
    where t.token_name = g.token_name
    union all by name
    select
        key_of('turn', session, stretch, n // 6) as dedup_key, max(ts) as timestamp, min(ts) as start_time, agent_type, resource_id, model,
        version as service_version, 'codex.turn.token_usage' as metric_name, cast(sum(output_tokens) as double) as metric_value, 'tokens' as unit,
        'delta' as temporality
    from team_requests
    where told and agent_type = 'codex' and not failed
    group by session, stretch, n // 6, agent_type, resource_id, model, version
),

arrived as (
    select *, moved(timestamp, 5 + if(chance('late', dedup_key, 0) < 0.01, 10800 * chance('late', dedup_key, 1), 0)) as received_at from points
)

select
    batch_of(received_at) as batch_id, *, 'service-of-' || agent_type as service_name, 'sum' as kind, true as is_monotonic,
    key_of('series', session_id, metric_name, concat_ws('|', model, token_type, query_source)) as series_key
from arrived
order by batch_id;

insert into raw.otel_spans by name
select
    batch_of(moved(ts, 6)) as batch_id, moved(ts, 6) as received_at, key_of('span', number, 0, 0) as dedup_key,
    moved(ts, -0.001 * duration_ms) as timestamp, ts as end_time, agent_type, 'service-of-' || agent_type as service_name,
    version as service_version, resource_id, developer_id, session_id, user_id, user_email,
    hex_of('trace', session, stretch, 0) || hex_of('trace', session, stretch, 1) as trace_id, hex_of('span', number, 0, 0) as span_id,
    case agent_type when 'github_copilot' then 'chat ' || model when 'opencode' then 'ai.streamText.doStream' else 'claude_code.llm_request' end
        as span_name,
    'client' as kind, if(failed, 'error', 'ok') as status, case when agent_type = 'claude_code' then request_id end as request_id, model,
    if(failed, null, input_tokens + if(agent_type = 'claude_code', 0, cache_read_tokens)) as input_tokens, if(failed, null, output_tokens) as output_tokens,
    if(failed, null, cache_read_tokens) as cache_read_tokens, if(failed, null, cache_write_tokens) as cache_write_tokens,
    if(failed, 'overloaded', null) as error_type
from team_requests
where told and (agent_type in ('github_copilot', 'opencode') or agent_type = 'claude_code' and session % 50 = 9)
order by batch_id;

insert into raw.transcript_usage by name
with lines as (
    select
        key_of('line', number, 0, 0) as dedup_key, moved(ts, 0.2) as timestamp, agent_type, version as service_version, developer_id, session_id,
        caller = 'subagent' as is_sidechain, if(caller = 'subagent', 'general-purpose', null) as agent_name,
        case when agent_type = 'claude_code' then request_id end as request_id,
        case when agent_type = 'claude_code' then 'msg_' || hex_of('message', number, 0, 0) end as message_id,
        n as sequence, model, input_tokens, cache_read_tokens, cache_write_tokens // 3 as cache_write_1h_tokens,
        cache_write_tokens - cache_write_tokens // 3 as cache_write_5m_tokens,
        output_tokens, case when agent_type = 'codex' then output_tokens // 4 end as reasoning_tokens, true as success,
        if(hooked, null, project_id) as project_id, if(hooked, null, branch) as branch, written_delay, number, session, requests
    from team_requests
    where written and not failed and caller <> 'auxiliary'
),

told as (
    select * from lines
    union all by name
    -- A reply that stands in two lines, the first before it was complete.
    select * replace (
        key_of('line', number, 1, 0) as dedup_key, moved(timestamp, -0.1) as timestamp, output_tokens // 2 as output_tokens)
    from lines
    where agent_type = 'claude_code' and chance('two lines', number, 0) < 0.25
    union all by name
    -- Forks begin with the history of the session that they leave.
    select * replace (key_of('line', number, 2, 0) as dedup_key, cast(key_of('fork', session, 0, 0) as varchar) as session_id)
    from lines
    where agent_type = 'claude_code' and chance('fork', session, 0) < 0.04 and sequence <= requests // 2
)

select
    batch_of(moved(timestamp, written_delay)) as batch_id, moved(timestamp, written_delay) as received_at,
    * exclude (written_delay, number, session, requests)
from told
order by batch_id;

insert into raw.transcript_tool_calls by name
select
    batch_of(moved(ts, written_delay)) as batch_id, moved(ts, written_delay) as received_at, key_of('call', number, 0, 0) as dedup_key,
    moved(ts, 0.001 * duration_ms) as timestamp, agent_type, developer_id, session_id, caller = 'subagent' as is_sidechain,
    case pick('tool', number, 1, 5) when 0 then 'Bash' when 1 then 'Read' when 2 then 'Edit' when 3 then 'Grep' else 'Write' end as tool_name,
    'toolu_' || hex_of('tool', number, 0, 0) as tool_use_id, chance('tool', number, 2) > 0.06 as success,
    'hash-' || pick('arguments', number, 0, 500) as arguments_hash, false as is_git_commit
from team_requests
where written and not failed and caller <> 'auxiliary'
order by batch_id;

insert into raw.session_context by name
with told as (
    select key_of('start', session, stretch, 0) as dedup_key, began as timestamp, *, 'start' as event, 'hook' as source from team_work where hooked
    union all by name
    select key_of('end', session, stretch, 0) as dedup_key, moved(began, requests * pause) as timestamp, *, 'end' as event, 'hook' as source
    from team_work
    where hooked and chance('ends', session, stretch) < 0.8
    union all by name
    select
        key_of('switch', session, stretch, 0) as dedup_key, moved(began, requests * pause * 0.6) as timestamp, * replace ('later-' || branch as branch),
        'context' as event, 'hook' as source
    from team_work
    where hooked and chance('switch', session, stretch) < 0.1
    union all by name
    select key_of('history', session, stretch, 0) as dedup_key, moved(began, 1) as timestamp, *, 'context' as event, 'transcript' as source
    from team_work
    where written
)

select
    batch_of(moved(timestamp, 3)) as batch_id, moved(timestamp, 3) as received_at, dedup_key, timestamp, agent_type, session_id, developer_id, event,
    if(event = 'end', 'prompt_input_exit', null) as reason, project_id, branch, version as service_version, source
from told
order by batch_id;

insert into raw.git_commits by name
with reports as (
    select *, 'hook' as source, 2 as delay from team_commits where chance('reported', commit_hash, 1) < 0.6
    union all by name
    select *, 'watch' as source, 15 as delay from team_commits where chance('reported', commit_hash, 2) < 0.8
    union all by name
    select *, 'backfill' as source, 40000 as delay from team_commits where chance('reported', commit_hash, 2) >= 0.8
)

select
    batch_of(moved(ts, delay)) as batch_id, moved(ts, delay) as received_at, key_of('report', commit_hash, source, 0) as dedup_key, project_id,
    commit_hash, 'Change ' || left(commit_hash, 7) || chr(10) || chr(10) || 'Why it was done' as commit_message,
    'Developer ' || developer as author_name, author_email, ts as author_timestamp, ts as commit_timestamp, author_email as committer_email,
    repeat('f', 40) as parents, if(source = 'backfill', 'main', branch) as branch, cast(1 + pick('files', commit_hash, 0, 9) as integer) as files_changed,
    case when chance('sized', commit_hash, 0) < 0.98 then pick('added', commit_hash, 0, 400) end as lines_added,
    pick('deleted', commit_hash, 0, 120) as lines_deleted, source,
    case when source = 'hook' then author_email end as developer_id,
    case when source = 'hook' and by_agent and chance('hinted', commit_hash, 0) < 0.3 then true end as agent_assisted,
    case when source = 'hook' and by_agent and chance('hinted', commit_hash, 0) < 0.3 then agent_type end as agent_type,
    case when source = 'hook' and by_agent and chance('hinted', commit_hash, 0) < 0.15 then session_id end as agent_session_id
from reports
order by batch_id;

insert into raw.git_commit_evidence by name
with signs as (
    select *, 'hook_environment' as kind, session_id as named, commit_hash as hash_said from team_commits
    where by_agent and chance('sign', commit_hash, 1) < 0.25
    union all by name
    select *, 'agent_trailer' as kind, null as named, commit_hash as hash_said from team_commits where by_agent and chance('sign', commit_hash, 2) < 0.3
    union all by name
    select *, 'telemetry_sha' as kind, session_id as named, left(commit_hash, 8) as hash_said from team_commits
    where by_agent and chance('sign', commit_hash, 3) < 0.1
    union all by name
    select *, 'edited_files' as kind, session_id as named, commit_hash as hash_said from team_commits where by_agent and chance('sign', commit_hash, 4) < 0.2
)

select
    batch_of(moved(ts, 4)) as batch_id, moved(ts, 4) as received_at, key_of('sign', commit_hash, kind, 0) as dedup_key, project_id,
    hash_said as commit_hash, kind, agent_type, named as session_id, if(kind = 'edited_files', '0.75', null) as value, ts as observed_at
from signs
order by batch_id;
