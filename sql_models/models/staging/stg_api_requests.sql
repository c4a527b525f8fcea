-- One row per model call, whatever sources tell of it: the grain of tokens and money.
-- Log records and transcript lines of the same call meet by request id, else as the k-th occurrence of the same
-- (session, model, tokens) among those less than 10 seconds apart. Transcripts know the cache split, logs the time and
-- the client's cost. Agents that send no log records tell the same by spans; other spans count only for sessions without
-- either, counters only for sessions without all of them.
{{ config(
    materialized='incremental', unique_key='session_key', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'request_session', 'key': 'session_key', 'time': 'ts', 'times_of': 'session',
                 'touches': {'day': 'cast(usage_date as varchar)',
                             'developer_day': "cast(usage_date as varchar) || ' ' || developer_id"}}}
) }}

-- Numbers instead of names: what is brought together below is a few bytes a row.
with observations as materialized (
    select *, row_number() over () as number
    from {{ ref('stg_request_observations') }}
    where {{ touched('request_session', 'session_key', 'ts') }}
),

direct as (
    select
        number, observation_key, case when source = 'span' then 'log' else source end as source, agent_type,
        session_key, case when session_id is null then developer_id end as developer_id, request_id, success, ts,
        {{ plain_model('model_name') }} as plain_model, input_tokens, cache_read_tokens, cache_write_tokens,
        output_tokens
    from observations
    where source in ('log', 'transcript') or (source = 'span' and {{ tells_by_spans('agent_type') }})
),

ids as (
    select
        agent_type, request_id,
        count(*) filter (where source = 'log') as logs,
        count(*) filter (where source = 'transcript') as transcripts,
        min(number) filter (where source = 'log') as log_number,
        min(number) filter (where source = 'transcript') as transcript_number
    from direct
    where request_id is not null and success
    group by agent_type, request_id
),

-- A request id counts once per source; the first record of each source speaks for it.
repeated as (
    select
        d.agent_type, d.request_id,
        arg_min(d.number, (d.ts, d.observation_key)) filter (where d.source = 'log') as log_number,
        arg_min(d.number, (d.ts, d.observation_key)) filter (where d.source = 'transcript') as transcript_number
    from direct as d
    join ids as i on i.agent_type = d.agent_type and i.request_id = d.request_id
    where d.success and (i.logs > 1 or i.transcripts > 1)
    group by d.agent_type, d.request_id
),

by_id as (
    select
        coalesce(r.log_number, i.log_number) as log_number,
        coalesce(r.transcript_number, i.transcript_number) as transcript_number
    from ids as i
    left join repeated as r on r.agent_type = i.agent_type and r.request_id = i.request_id
),

-- What has no id, failed, or is known by its id to one source only may meet the other source by its tokens.
unmatched as (
    select d.*, hash(d.agent_type, d.session_key, d.input_tokens, d.output_tokens) as token_hash
    from direct as d
    where d.request_id is null
        or d.number in (select coalesce(log_number, transcript_number) from by_id
            where log_number is null or transcript_number is null)
        or d.number in (
            select number from direct where request_id is not null and not success
            qualify row_number() over (
                partition by agent_type, source, request_id order by ts, observation_key
            ) = 1
        )
),

-- What only one source tells of meets nothing, however far apart it lies.
hashes_of_both as (
    select token_hash
    from unmatched
    group by token_hash
    having bool_or(source = 'log') and bool_or(source = 'transcript')
),

meeting as (
    select
        number, source, agent_type, ts, observation_key,
        -- Of a request that failed a transcript may not know the model.
        concat_ws('|', session_key, developer_id, case when success then plain_model end, success, input_tokens,
            cache_read_tokens, cache_write_tokens, output_tokens) as token_tuple
    from unmatched
    where token_hash in (select token_hash from hashes_of_both)
),

with_gap as (
    select
        *,
        case when epoch_us(ts) - lag(epoch_us(ts)) over (
            partition by agent_type, token_tuple order by ts, observation_key
        ) <= 10000000 then 0 else 1 end as begins_island
    from meeting
),

with_island as (
    select
        *,
        sum(begins_island) over (
            partition by agent_type, token_tuple order by ts, observation_key rows unbounded preceding
        ) as island
    from with_gap
),

with_occurrence as (
    select
        *,
        row_number() over (
            partition by agent_type, token_tuple, island, source order by ts, observation_key
        ) as occurrence
    from with_island
),

by_tuple as (
    select
        l.number as log_number,
        t.number as transcript_number
    from (select * from with_occurrence where source = 'log') as l
    full outer join (select * from with_occurrence where source = 'transcript') as t
        on t.agent_type = l.agent_type and t.token_tuple = l.token_tuple and t.island = l.island
        and t.occurrence = l.occurrence
),

pairs as (
    select log_number, transcript_number from by_id where log_number is not null and transcript_number is not null
    union all
    select log_number, transcript_number from by_tuple
    union all
    select
        case when source = 'log' then number end as log_number,
        case when source = 'transcript' then number end as transcript_number
    from unmatched as u
    anti join hashes_of_both as b on b.token_hash = u.token_hash
),

merged as (
    select
        coalesce(l.number, t.number) as number,
        coalesce(l.observation_key, t.observation_key) as request_key,
        'request' as grain,
        coalesce(l.agent_type, t.agent_type) as agent_type,
        coalesce(l.session_id, t.session_id) as session_id,
        t.parent_session_id,
        coalesce(l.developer_said, t.developer_said) as developer_said,
        case when coalesce(l.developer_id, 'unknown') <> 'unknown' then l.developer_id
            else coalesce(t.developer_id, l.developer_id) end as developer_id,
        t.project_id,
        t.branch,
        coalesce(l.ts, t.ts) as ts,
        coalesce(l.model_name, t.model_name) as model_name,
        coalesce(l.query_source, t.query_source, 'main') as query_source,
        coalesce(l.request_id, t.request_id) as request_id,
        coalesce(l.success, t.success) as success,
        coalesce(l.error_code, t.error_code) as error_code,
        coalesce(l.input_tokens, t.input_tokens) as input_tokens,
        coalesce(l.cache_read_tokens, t.cache_read_tokens) as cache_read_tokens,
        -- The transcript's split holds where it adds up to what the log record says was written.
        case when l.observation_key is null or l.cache_write_tokens = t.cache_write_tokens
            then t.cache_write_5m_tokens else 0 end as cache_write_5m_tokens,
        case when l.observation_key is null or l.cache_write_tokens = t.cache_write_tokens
            then t.cache_write_1h_tokens else 0 end as cache_write_1h_tokens,
        case when l.observation_key is null or l.cache_write_tokens = t.cache_write_tokens
            then t.cache_write_unknown_tokens else l.cache_write_tokens end as cache_write_unknown_tokens,
        coalesce(l.cache_write_tokens, t.cache_write_tokens) as cache_write_tokens,
        coalesce(l.output_tokens, t.output_tokens) as output_tokens,
        coalesce(l.reasoning_tokens, t.reasoning_tokens, 0) as reasoning_tokens,
        coalesce(l.duration_ms, t.duration_ms) as duration_ms,
        coalesce(l.cost_reported_usd, t.cost_reported_usd) as cost_reported_usd,
        case when coalesce(l.speed, 'standard') <> 'standard' then l.speed
            else coalesce(t.speed, l.speed) end as speed,
        coalesce(l.agent_version, t.agent_version) as agent_version,
        case when l.observation_key is null then ['transcript']
            when t.observation_key is null then [l.source]
            else [l.source, 'transcript'] end as sources
    from pairs as p
    left join observations as l on l.number = p.log_number
    left join observations as t on t.number = p.transcript_number
),

-- Requests that name no session have no session to be better told of: there the developer decides.
told_directly as (
    select distinct agent_type, coalesce(session_id, 'none:' || developer_id) as told_key
    from merged
    where success
),

spans as (
    select s.*
    from observations as s
    anti join told_directly as d
        on d.agent_type = s.agent_type and d.told_key = coalesce(s.session_id, 'none:' || s.developer_id)
    where s.source = 'span' and not {{ tells_by_spans('s.agent_type') }}
),

counters as (
    select m.*
    from observations as m
    anti join told_directly as d
        on d.agent_type = m.agent_type and d.told_key = coalesce(m.session_id, 'none:' || m.developer_id)
    anti join (select * from spans where success) as s
        on s.agent_type = m.agent_type
            and coalesce(s.session_id, 'none:' || s.developer_id) = coalesce(m.session_id, 'none:' || m.developer_id)
    where m.source = 'metric'
        -- Counters without a session may repeat what anything else says with one: they speak for developers of whose
        -- agent nothing else was heard for a day (counters come a minute late, and around midnight).
        and (m.session_id is not null or not exists (
            select 1
            from {{ ref('stg_request_observations') }} as u
            where u.agent_type = m.agent_type and u.developer_id = m.developer_id
                and u.session_id is not null and u.source <> 'metric' and u.success
                and u.ts between m.ts - interval 1 day and m.ts + interval 1 hour
        ))
),

told_otherwise as (
    select
        number, observation_key as request_key, grain, agent_type, session_id, parent_session_id, developer_said,
        developer_id, project_id, branch, ts, model_name, coalesce(query_source, 'main') as query_source, request_id, success,
        error_code, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
        cache_write_unknown_tokens, cache_write_tokens, output_tokens, coalesce(reasoning_tokens, 0) as reasoning_tokens,
        duration_ms, cost_reported_usd, speed, agent_version, [source] as sources
    from (select * from spans union all select * from counters)
),

requests as (
    select * from merged
    union all by name
    select * from told_otherwise
),

parents as (
    {{ session_parents() }}
),

{{ session_homes() }},

-- Where the session was then, or first, of sessions that moved; requests that know it themselves are not asked for.
places as (
    select agent_type, session_id, ts, cast(null as bigint) as number, max(project_id) as project_id, max(branch) as branch
    from session_lines
    semi join session_moves using (agent_type, session_id)
    group by agent_type, session_id, ts
    union all
    select agent_type, session_id, ts, number, null, null
    from requests
    semi join session_moves using (agent_type, session_id)
    where project_id is null or branch is null
),

located as (
    select
        number,
        coalesce(
            last_value(project_id ignore nulls) over until_then, first_value(project_id ignore nulls) over throughout
        ) as project_id,
        coalesce(
            last_value(branch ignore nulls) over until_then, first_value(branch ignore nulls) over throughout
        ) as branch
    from places
    window
        until_then as (
            partition by agent_type, session_id order by ts, number is not null rows unbounded preceding
        ),
        throughout as (
            partition by agent_type, session_id order by ts, number is not null
            rows between unbounded preceding and unbounded following
        )
    qualify number is not null
),

prices as (
    select * from {{ ref('stg_model_prices') }}
),

-- A model without a price list for a speed is billed by the standard one.
speeds as (
    select distinct provider, model_id, speed from prices
),

named as (
    select
        r.number,
        r.ts,
        case when mine.model_name is not null then mine.provider else anyones.provider end as model_provider,
        case when mine.model_name is not null then mine.model_id else anyones.model_id end as model_id,
        r.speed as speed_said,
        -- Tiers belong to one request; a sum of several is priced at the first tier.
        case when r.grain = 'metric' then 0
            else r.input_tokens + r.cache_read_tokens + r.cache_write_tokens end as whole_input_tokens
    from requests as r
    left join {{ ref('stg_model_names') }} as mine
        on mine.model_name = r.model_name and mine.agent_type = r.agent_type
    left join {{ ref('stg_model_names') }} as anyones
        on anyones.model_name = r.model_name and anyones.agent_type = ''
),

-- Of the prices that hold for a request: own ones first, then the highest tier, then the latest.
price_choice as (
    select
        n.number,
        max(p.price_rank) as price_rank
    from named as n
    left join speeds as s
        on s.provider = n.model_provider and s.model_id = n.model_id and s.speed = n.speed_said
    join prices as p
        on p.provider = n.model_provider
        and p.model_id = n.model_id
        and p.speed = coalesce(s.speed, 'standard')
        and p.valid_from <= n.ts
        and (p.valid_to is null or n.ts < p.valid_to)
        and (p.tier_above_input_tokens = 0 or p.tier_above_input_tokens < n.whole_input_tokens)
    group by n.number
),

priced as (
    select
        r.* exclude (project_id, branch),
        coalesce(r.project_id, h.project_id, w.project_id) as project_id,
        coalesce(r.branch, h.branch, w.branch) as branch,
        n.model_provider,
        n.model_id,
        case when p.price_rank is not null then
            {{
                token_price('r.input_tokens', 'p.input_usd_per_mtok')
                ~ ' + ' ~ token_price('r.cache_read_tokens', 'p.cache_read_usd_per_mtok')
                ~ ' + ' ~ token_price('(r.cache_write_5m_tokens + r.cache_write_unknown_tokens)', 'p.cache_write_5m_usd_per_mtok')
                ~ ' + ' ~ token_price('r.cache_write_1h_tokens', 'p.cache_write_1h_usd_per_mtok')
                ~ ' + ' ~ token_price('r.output_tokens', 'p.output_usd_per_mtok')
                ~ " + case when r.success and r.grain = 'request' then cast(coalesce(p.request_usd, 0) * 1000 as decimal(38, 9)) else 0::decimal(38, 9) end"
            }}
        end as million_usd,
        p.price_source
    from requests as r
    left join session_homes as h
        on h.agent_type = r.agent_type and h.session_id = r.session_id and not h.moved
    left join located as w on w.number = r.number
    left join named as n on n.number = r.number
    left join price_choice as c on c.number = r.number
    left join prices as p on p.price_rank = c.price_rank
)

select
    request_key,
    grain,
    agent_type,
    session_id,
    coalesce(session_id, case when grain = 'metric' then {{ counter_day('agent_type', 'ts') }} else '' end)
        as session_key,
    parent_session_id,
    developer_id,
    developer_said,
    project_id,
    branch,
    ts,
    {{ report_day('ts') }} as usage_date,
    model_name,
    model_id,
    model_provider,
    query_source,
    request_id,
    input_tokens,
    cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    cache_write_unknown_tokens,
    cache_write_tokens,
    output_tokens,
    reasoning_tokens,
    input_tokens + cache_read_tokens + cache_write_tokens + output_tokens as total_tokens,
    duration_ms,
    success,
    error_code,
    speed,
    agent_version,
    cost_reported_usd,
    cost_priced_usd,
    case when cost_reported_usd is not null and model_id is not null then cost_reported_usd
        else cost_priced_usd end as cost_usd,
    case when cost_reported_usd is not null and model_id is not null then 'reported'
        when cost_priced_usd is not null then 'priced'
        else 'unpriced' end as cost_basis,
    price_source,
    sources
from (select *, {{ per_million('million_usd') }} as cost_priced_usd from priced)
{%- if not is_incremental() %}
-- Stored by time: whoever asks for some days reads only their row groups.
order by ts
{%- endif %}
