-- Who worked when: from team_stretches(session, stretch, began) the temporary tables team_work (one row a stretch of a
-- session), team_requests (one a model call) and team_commits. Everything follows from the seed and the two numbers.

create or replace temporary macro chance(salt, a, b) as
    (hash(salt, getvariable('team_seed'), a, b) % 1000000) * 0.000001;

create or replace temporary macro pick(salt, a, b, choices) as
    cast(hash(salt, getvariable('team_seed'), a, b) % choices as bigint);

create or replace temporary macro key_of(salt, a, b, c) as cast(
    printf('%016x%016x', hash(salt, getvariable('team_seed'), a, b, c), hash(c, b, a, salt, getvariable('team_seed')))
    as uuid);

create or replace temporary macro hex_of(salt, a, b, c) as
    printf('%016x', hash(salt, getvariable('team_seed'), a, b, c));

-- Batches of ten minutes by arrival, unless all rows are of one batch.
create or replace temporary macro batch_of(arrival) as coalesce(
    getvariable('team_batch'),
    getvariable('team_first_batch') + greatest(0, epoch_us(arrival) - epoch_us(getvariable('team_first_day'))) // 600000000);

create or replace temporary macro moved(instant, seconds) as
    make_timestamptz(epoch_us(instant) + cast((seconds) * 1e6 as bigint));

create or replace temporary table team_work as
with drawn as (
    select
        session, stretch, began,
        cast(pick('developer', session, 0, getvariable('team_developers')) as integer) as developer,
        chance('agent', session, 0) as agent_draw,
        chance('model', session, 0) as model_draw,
        1 + least(119, cast(floor(-ln(1 - chance('requests', session, stretch)) * getvariable('team_calls')) as integer)) as requests
    from team_stretches
),

with_agent as (
    select
        *,
        case when agent_draw < 0.68 then 'claude_code' when agent_draw < 0.88 then 'codex'
            when agent_draw < 0.93 then 'gemini_cli' when agent_draw < 0.95 then 'qwen_code'
            when agent_draw < 0.98 then 'github_copilot' else 'opencode' end as agent_type
    from drawn
)

select
    session,
    stretch,
    began,
    agent_type,
    cast(key_of('session', session, 0, 0) as varchar) as session_id,
    developer,
    case when developer % 11 = 7 then null else 'developer' || developer || '@team.example' end as developer_id,
    -- Some accounts are spelled otherwise, and two in thirteen go by an address of their own.
    case developer % 13 when 3 then 'Developer' || developer || '@Team.Example' when 5 then 'dev' || developer || '@mail.example'
        else 'developer' || developer || '@team.example' end as user_email,
    'user-' || hex_of('user', developer, 0, 0) as user_id,
    'github.com/team/service-' || pick('project', developer, session % 3, 4 + getvariable('team_developers') // 3) as project_id,
    case pick('branch', session, 0, 4) when 0 then 'main' else 'work-' || session % 97 end as branch,
    case agent_type
        when 'claude_code' then case when developer % 17 = 4 and model_draw < 0.3 then 'team-model-1'
            when model_draw < 0.55 then 'claude-opus-4-8' else 'claude-sonnet-4-5-20250929' end
        when 'codex' then case when model_draw < 0.8 then 'gpt-5-codex' else 'gpt-5' end
        when 'gemini_cli' then 'gemini-2.5-pro' when 'qwen_code' then 'qwen3-coder-plus'
        when 'github_copilot' then 'gpt-5' else 'claude-sonnet-4-5' end as model,
    requests,
    12 + 40 * chance('pause', session, stretch) as pause,
    chance('told', session, 0) < 0.92 as told,
    agent_type in ('claude_code', 'codex') and chance('written', session, 0) < 0.38
        or agent_type in ('claude_code', 'codex') and chance('told', session, 0) >= 0.92 as written,
    -- Some histories are read while they are written, others the next day.
    case when chance('imported', session, 0) < 0.7 then 20 else 86400 * chance('imported', session, 1) end as written_delay,
    chance('hooked', session, 0) < 0.7 as hooked,
    case agent_type when 'claude_code' then '2.1.' || 190 + pick('version', session // 500, 0, 8) else '0.16' || pick('version', session // 500, 0, 9) || '.0'
    end as version,
    key_of('resource', developer, agent_type, 0) as resource_id
from with_agent;

create or replace temporary table team_requests as
with numbered as (
    select *, unnest(range(requests)) as n from team_work
),

drawn as (
    select
        *,
        session * 1000 + stretch * 200 + n as number,
        chance('kind', session * 1000 + stretch * 200 + n, 0) as kind_draw
    from numbered
)

select
    * exclude (model),
    moved(began, (n + 0.2 + 0.6 * chance('instant', number, 0)) * pause) as ts,
    case when agent_type = 'claude_code' and kind_draw < 0.05 and n > 0 then 'auxiliary'
        when agent_type = 'claude_code' and kind_draw < 0.17 and n > 0 then 'subagent' else 'main' end as caller,
    case when agent_type = 'claude_code' and kind_draw < 0.05 and n > 0 then 'claude-haiku-4-5-20251001' else model end as model,
    chance('failed', number, 0) < 0.015 as failed,
    20 + cast(2000 * chance('input', number, 0) as bigint) as input_tokens,
    case when n = 0 then 0 else cast(9000 + 4000 * n + 3000 * chance('cached', number, 0) as bigint) end as cache_read_tokens,
    case when agent_type <> 'claude_code' then null else cast(500 + 6000 * chance('writes', number, 0) as bigint) end as cache_write_tokens,
    40 + cast(1500 * chance('output', number, 0) as bigint) as output_tokens,
    900 + cast(20000 * chance('took', number, 0) as bigint) as duration_ms,
    'req_' || hex_of('request', number, 0, 0) as request_id,
    'prompt-' || number - n % 3 as prompt_id,
    n % 3 = 0 as prompted
from drawn;

create or replace temporary table team_commits as
with drawn as (
    select
        *,
        case when chance('commits', session, stretch) < 0.4 then 1 + cast(pick('more', session, stretch, 2) as integer) else 0 end as commits
    from team_work
),

by_agents as (
    select *, unnest(range(commits)) as c from drawn
)

select
    session, stretch, c, agent_type, session_id, developer, project_id, branch, told, written,
    left(sha256(concat_ws(' ', getvariable('team_seed'), session, stretch, c)), 40) as commit_hash,
    -- git keeps whole seconds.
    date_trunc('second', moved(began, requests * pause * (c + 1) / (commits + 0.1))) as ts,
    'developer' || developer || '@team.example' as author_email,
    true as by_agent
from by_agents
union all
select
    session, stretch, 9, null, null, developer, project_id, 'main', false, false,
    left(sha256(concat_ws(' ', getvariable('team_seed'), 'own', session, stretch)), 40),
    date_trunc('second', moved(began, 20000 * chance('own', session, stretch))),
    'developer' || developer || '@team.example',
    false
from team_work
where chance('alone', session, stretch) < 0.2;
