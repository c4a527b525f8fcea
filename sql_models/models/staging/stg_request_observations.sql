-- One row per sign of a model call in one source, with the vendors' meanings of tokens made one: input without cache,
-- output including reasoning. What several sources say of the same call is brought together in stg_api_requests.
{{ config(
    materialized='incremental', unique_key='session_key', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'request_session', 'key': 'session_key', 'time': 'ts', 'times_of': 'session',
                 'touches': {'day': 'cast(usage_date as varchar)',
                             'developer_day': "cast(usage_date as varchar) || ' ' || developer_id"}}}
) }}

with log_records as (
    select *
    from {{ source('raw', 'otel_logs') }}
    where {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
        and (
            (event_name in ('api_request', 'api_response') and agent_type <> 'codex'
                and (input_tokens is not null or output_tokens is not null))
            or (event_name = 'sse_event' and input_tokens is not null)
            or event_name = 'api_error'
            or (event_name = 'gen_ai.client.inference.operation.details' and agent_type in ('other', 'github_copilot')
                and (input_tokens is not null or output_tokens is not null))
            or (event_name = 'api_request' and agent_type = 'codex'
                and (status_code >= 400 or success = false or error_type is not null))
        )
    qualify row_number() over (partition by dedup_key order by batch_id) = 1
),

parents as (
    {{ session_parents() }}
),

from_logs as (
    select
        'log:' || cast(r.dedup_key as varchar) as observation_key,
        'log' as source,
        'request' as grain,
        r.agent_type,
        coalesce(f.root_id, r.session_id) as session_id,
        cast(null as varchar) as parent_session_id,
        r.developer_id as developer_said,
        r.user_id,
        r.user_email,
        cast(null as varchar) as project_id,
        cast(null as varchar) as branch,
        r.timestamp as ts,
        r.model as model_name,
        case when f.root_id is not null then 'subagent'
            else {{ query_source('r.query_source', "case when r.agent_type = 'claude_code' then r.agent_name end") }} end
            as query_source,
        r.request_id,
        not (r.event_name = 'api_error' or (r.event_name = 'api_request' and r.agent_type = 'codex')) as success,
        case when r.event_name = 'api_error' or (r.event_name = 'api_request' and r.agent_type = 'codex')
            then coalesce(cast(r.status_code as varchar), r.error_type, 'error') end as error_code,
        case when a.input_includes_cache
            then greatest(coalesce(r.input_tokens, 0) - coalesce(r.cache_read_tokens, 0)
                - coalesce(r.cache_write_tokens, 0), 0)
            else coalesce(r.input_tokens, 0) end as input_tokens,
        coalesce(r.cache_read_tokens, 0) as cache_read_tokens,
        cast(0 as bigint) as cache_write_5m_tokens,
        cast(0 as bigint) as cache_write_1h_tokens,
        coalesce(r.cache_write_tokens, 0) as cache_write_unknown_tokens,
        coalesce(r.output_tokens, 0)
            + case when a.output_excludes_reasoning then coalesce(r.reasoning_tokens, 0) else 0 end as output_tokens,
        r.reasoning_tokens,
        r.duration_ms,
        r.cost_usd as cost_reported_usd,
        {{ price_speed('r.speed', 'null') }} as speed,
        r.service_version as agent_version
    from log_records as r
    left join {{ ref('agents') }} as a on a.agent_type = r.agent_type
    left join parents as f on f.parents_agent = r.agent_type and f.child_id = r.session_id
),

{% if var('aa_touched', false) -%}
lines_of_other_sessions as (
    select u.dedup_key
    from {{ source('raw', 'transcript_usage') }} as u
    semi join (
        select distinct message_id from {{ source('raw', 'transcript_usage') }}
        where message_id is not null and {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
    ) as m on m.message_id = u.message_id
    anti join aa_touched_request_session as t on t.key = coalesce(u.session_id, '')
),

{% endif -%}
-- A reply stands in several lines of a Claude transcript, and a resumed or forked session repeats lines of the first
-- one: the parent's line wins over a side chain's replay, then the line with the most tokens, then the earliest.
transcript_lines as (
    select *
    from (
        select * from {{ source('raw', 'transcript_usage') }}
        where {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
        {% if var('aa_touched', false) -%}
        union all
        select * from {{ source('raw', 'transcript_usage') }}
        where dedup_key in (select dedup_key from lines_of_other_sessions)
        {%- endif %}
    )
    qualify row_number() over (
        partition by agent_type,
            coalesce(message_id, request_id, cast(dedup_key as varchar)),
            case when message_id is not null then coalesce(request_id, '') end
        order by
            coalesce(is_sidechain, false),
            coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0)
                + coalesce(cache_write_1h_tokens, 0) + coalesce(cache_write_unknown_tokens, 0)
                + coalesce(output_tokens, 0) desc,
            timestamp, sequence, session_id, dedup_key
    ) = 1
),

from_transcripts as (
    select
        'transcript:' || cast(dedup_key as varchar) as observation_key,
        'transcript' as source,
        'request' as grain,
        agent_type,
        coalesce(root_id, session_id) as session_id,
        parent_session_id,
        developer_id as developer_said,
        cast(null as varchar) as user_id,
        cast(null as varchar) as user_email,
        project_id,
        branch,
        timestamp as ts,
        model as model_name,
        case when is_sidechain then 'subagent' end as query_source,
        request_id,
        coalesce(success, true) as success,
        case when not coalesce(success, true) then coalesce(error_code, 'error') end as error_code,
        coalesce(input_tokens, 0) as input_tokens,
        coalesce(cache_read_tokens, 0) as cache_read_tokens,
        coalesce(cache_write_5m_tokens, 0) as cache_write_5m_tokens,
        coalesce(cache_write_1h_tokens, 0) as cache_write_1h_tokens,
        coalesce(cache_write_unknown_tokens, 0) as cache_write_unknown_tokens,
        coalesce(output_tokens, 0) as output_tokens,
        reasoning_tokens,
        cast(null as bigint) as duration_ms,
        cost_usd as cost_reported_usd,
        {{ price_speed('speed', 'service_tier') }} as speed,
        service_version as agent_version
    from transcript_lines
    left join parents on parents_agent = agent_type and child_id = session_id
    where {{ touched('request_session', "coalesce(session_id, '')") }}
),

span_records as (
    select *
    from {{ source('raw', 'otel_spans') }}
    where {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
        and (
            span_name = 'claude_code.llm_request'
            or span_name = 'ai.streamText.doStream'
            or (agent_type in ('github_copilot', 'other')
                and regexp_matches(span_name, '^(chat|text_completion|generate_content)( |$)'))
        )
        and (input_tokens is not null or output_tokens is not null or error_type is not null)
    qualify row_number() over (partition by agent_type, trace_id, span_id order by batch_id, dedup_key) = 1
),

-- A sub-agent's calls hang below a span that bears its name.
subagent_spans as (
    select distinct trace_id, span_id
    from {{ source('raw', 'otel_spans') }}
    where {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
        and agent_type = 'github_copilot' and starts_with(span_name, 'invoke_agent ')
),

from_spans as (
    select
        'span:' || r.trace_id || ':' || r.span_id as observation_key,
        'span' as source,
        'request' as grain,
        r.agent_type,
        coalesce(f.root_id, r.session_id) as session_id,
        cast(null as varchar) as parent_session_id,
        r.developer_id as developer_said,
        r.user_id,
        r.user_email,
        cast(null as varchar) as project_id,
        cast(null as varchar) as branch,
        coalesce(r.end_time, r.timestamp) as ts,
        r.model as model_name,
        {{ query_source("case when s.span_id is not null or f.root_id is not null then 'subagent' end",
            "case when r.agent_type = 'claude_code' then r.agent_name end") }} as query_source,
        r.request_id,
        r.input_tokens is not null or r.output_tokens is not null as success,
        case when r.input_tokens is null and r.output_tokens is null then r.error_type end as error_code,
        case when a.input_includes_cache
            then greatest(coalesce(r.input_tokens, 0) - coalesce(r.cache_read_tokens, 0)
                - coalesce(r.cache_write_tokens, 0), 0)
            else coalesce(r.input_tokens, 0) end as input_tokens,
        coalesce(r.cache_read_tokens, 0) as cache_read_tokens,
        cast(0 as bigint) as cache_write_5m_tokens,
        cast(0 as bigint) as cache_write_1h_tokens,
        coalesce(r.cache_write_tokens, 0) as cache_write_unknown_tokens,
        coalesce(r.output_tokens, 0)
            + case when a.output_excludes_reasoning then coalesce(r.reasoning_tokens, 0) else 0 end as output_tokens,
        r.reasoning_tokens,
        cast((epoch_us(r.end_time) - epoch_us(r.timestamp)) // 1000 as bigint) as duration_ms,
        cast(null as decimal(38, 12)) as cost_reported_usd,
        'standard' as speed,
        r.service_version as agent_version
    from span_records as r
    left join subagent_spans as s on s.trace_id = r.trace_id and s.span_id = r.parent_span_id
    left join {{ ref('agents') }} as a on a.agent_type = r.agent_type
    left join parents as f on f.parents_agent = r.agent_type and f.child_id = r.session_id
),

-- Points of the agents' token and cost counters, whether their series name a session or (Codex, Copilot) never do. Delta
-- points are what they say;
-- cumulative ones become increases within (series, start): a smaller value means that the counter began again.
metric_points as (
    select
        *,
        case when metric_name like '%cost.usage' then 'cost'
             else case lower(replace(coalesce(token_type, replace(metric_name, 'gen_ai.client.inference.usage.', '')), '_', ''))
                 when 'input' then 'input'
                 when 'tool' then 'input'
                 when 'output' then 'output'
                 when 'cacheread' then 'cache_read'
                 when 'cache' then 'cache_read'
                 when 'cachedinput' then 'cache_read'
                 when 'cachecreation' then 'cache_write'
                 when 'cachewrite' then 'cache_write'
                 when 'cachewriteinput' then 'cache_write'
                 when 'thought' then 'reasoning'
                 when 'reasoning' then 'reasoning'
                 when 'reasoningoutput' then 'reasoning'
                 -- Copilot has a counter for each.
                 when 'inputtokens' then 'input'
                 when 'outputtokens' then 'output'
                 when 'cacheread.inputtokens' then 'cache_read'
                 when 'cachewrite.inputtokens' then 'cache_write'
                 when 'cachecreation.inputtokens' then 'cache_write'
                 when 'reasoning.outputtokens' then 'reasoning' end end as measure
    from {{ source('raw', 'otel_metrics') }}
    where (
            {{ touched('request_session', "coalesce(session_id, " ~ counter_day('agent_type', 'timestamp') ~ ")", 'timestamp') }}
            -- The point before the day's first one tells how much that one grew by.
            or (session_id is null
                and {{ touched('request_session', counter_day('agent_type', 'timestamp + interval 1 day')) }})
        )
        and kind = case when metric_name = 'codex.turn.token_usage' then 'histogram' else 'sum' end
        and {{ counts_tokens('metric_name') }}
    qualify row_number() over (partition by dedup_key order by batch_id) = 1
),

metric_increases as (
    select
        *,
        case
            when temporality = 'cumulative' then
                case when metric_value >= lag(metric_value) over series
                    then metric_value - lag(metric_value) over series
                    else metric_value end
            else metric_value end as increase
    from metric_points
    window series as (partition by series_key, start_time order by timestamp, dedup_key)
),

metric_sums as (
    select
        agent_type,
        session_id,
        developer_id as developer_said,
        user_id,
        user_email,
        model as model_name,
        {{ query_source('query_source', 'agent_name') }} as query_source,
        date_trunc('minute', timestamp) as minute,
        max(timestamp) as ts,
        max(service_version) as agent_version,
        min(cast(dedup_key as varchar)) as first_key,
        cast(coalesce(sum(increase) filter (where measure = 'input'), 0) as bigint) as input_tokens,
        cast(coalesce(sum(increase) filter (where measure = 'output'), 0) as bigint) as output_tokens,
        cast(coalesce(sum(increase) filter (where measure = 'cache_read'), 0) as bigint) as cache_read_tokens,
        cast(coalesce(sum(increase) filter (where measure = 'cache_write'), 0) as bigint) as cache_write_tokens,
        cast(coalesce(sum(increase) filter (where measure = 'reasoning'), 0) as bigint) as reasoning_tokens,
        sum(cast(increase as decimal(38, 12))) filter (where measure = 'cost') as cost_reported_usd
    from metric_increases
    where measure is not null and increase > 0
        and {{ touched('request_session', "coalesce(session_id, " ~ counter_day('agent_type', 'timestamp') ~ ")") }}
    group by all
),

from_metrics as (
    select
        'metric:' || m.first_key as observation_key,
        'metric' as source,
        'metric' as grain,
        m.agent_type,
        m.session_id,
        cast(null as varchar) as parent_session_id,
        m.developer_said,
        m.user_id,
        m.user_email,
        cast(null as varchar) as project_id,
        cast(null as varchar) as branch,
        m.ts,
        m.model_name,
        m.query_source,
        cast(null as varchar) as request_id,
        true as success,
        cast(null as varchar) as error_code,
        case when a.input_includes_cache
            then greatest(m.input_tokens - m.cache_read_tokens - m.cache_write_tokens, 0)
            else m.input_tokens end as input_tokens,
        m.cache_read_tokens,
        cast(0 as bigint) as cache_write_5m_tokens,
        cast(0 as bigint) as cache_write_1h_tokens,
        m.cache_write_tokens as cache_write_unknown_tokens,
        m.output_tokens + case when a.output_excludes_reasoning then m.reasoning_tokens else 0 end as output_tokens,
        nullif(m.reasoning_tokens, 0) as reasoning_tokens,
        cast(null as bigint) as duration_ms,
        m.cost_reported_usd,
        'standard' as speed,
        m.agent_version
    from metric_sums as m
    left join {{ ref('agents') }} as a on a.agent_type = m.agent_type
),

observations as (
    select * from from_logs
    union all by name
    select * from from_transcripts
    union all by name
    select * from from_spans
    union all by name
    select * from from_metrics
)

select
    o.observation_key,
    o.source,
    o.grain,
    o.agent_type,
    o.session_id,
    coalesce(o.session_id, case when o.source = 'metric' then {{ counter_day('o.agent_type', 'o.ts') }} else '' end)
        as session_key,
    o.parent_session_id,
    coalesce(o.developer_said, o.user_email, o.user_id) as developer_said,
    coalesce(
        by_id.developer_id, by_email.developer_id, by_user.developer_id,
        {{ plain_address('o.developer_said') }}, {{ name_key('o.user_email') }}, o.user_id, 'unknown'
    ) as developer_id,
    o.project_id,
    o.branch,
    o.ts,
    {{ report_day('o.ts') }} as usage_date,
    o.model_name,
    o.query_source,
    o.request_id,
    o.success,
    o.error_code,
    o.input_tokens,
    o.cache_read_tokens,
    o.cache_write_5m_tokens,
    o.cache_write_1h_tokens,
    o.cache_write_unknown_tokens,
    o.cache_write_5m_tokens + o.cache_write_1h_tokens + o.cache_write_unknown_tokens as cache_write_tokens,
    o.output_tokens,
    o.reasoning_tokens,
    o.duration_ms,
    o.cost_reported_usd,
    o.speed,
    o.agent_version
from observations as o
left join {{ ref('stg_developer_names') }} as by_id on by_id.value = {{ name_key('o.developer_said') }}
left join {{ ref('stg_developer_names') }} as by_email on by_email.value = {{ name_key('o.user_email') }}
left join {{ ref('stg_developer_names') }} as by_user
    on by_user.value = case when o.developer_said is null and o.user_email is null then lower(o.user_id) end
{%- if not is_incremental() %}
-- Stored by time: whoever asks for some days reads only their row groups.
order by o.ts
{%- endif %}
