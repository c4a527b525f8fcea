-- What arrived, append-only. No keys and no indexes anywhere (docs/architecture.md, "Store"): uniqueness is a data test.
-- batch_id: one per writer transaction, strictly increasing. received_at: when the engine took it.
-- dedup_key: 128-bit hash of the whole record without arrival facts.

create schema if not exists raw;
create schema if not exists ops;

create table raw.resources (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,              -- = resource_id of the rows that point here
    service_name varchar,
    service_version varchar,
    attributes json
);

create table raw.otel_metrics (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    timestamp timestamptz not null,
    start_time timestamptz,
    agent_type varchar not null,
    service_name varchar,
    service_version varchar,
    resource_id uuid,
    developer_id varchar,
    session_id varchar,
    user_id varchar,
    user_email varchar,
    metric_name varchar not null,
    kind varchar not null,                -- sum | gauge | histogram | summary
    metric_value double,                  -- sum or gauge value; the sum of a histogram
    point_count bigint,                   -- histogram and summary only
    unit varchar,
    temporality varchar,                  -- delta | cumulative
    is_monotonic boolean,
    series_key uuid not null,             -- hash of (resource, metric, attributes)
    model varchar,
    token_type varchar,
    query_source varchar,
    agent_name varchar,
    attributes json
);

create table raw.otel_logs (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    timestamp timestamptz not null,
    agent_type varchar not null,
    service_name varchar,
    service_version varchar,
    resource_id uuid,
    developer_id varchar,
    session_id varchar,
    user_id varchar,
    user_email varchar,
    event_name varchar,                   -- without the agent's prefix: api_request, tool_result, sse_event …
    severity varchar,
    event_sequence bigint,
    prompt_id varchar,
    request_id varchar,
    model varchar,
    query_source varchar,                 -- as the agent says it
    agent_name varchar,                   -- sub-agent
    input_tokens bigint,                  -- the agent's own meaning; staging normalises
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    total_tokens bigint,
    cost_usd decimal(38, 12),
    duration_ms bigint,
    success boolean,
    status_code integer,
    error_type varchar,
    attempt integer,
    tool_name varchar,
    tool_use_id varchar,
    decision varchar,
    decision_source varchar,
    file_extension varchar,
    arguments_hash varchar,               -- keyed hash of (tool, arguments): loop detection without content
    is_git_commit boolean,
    commit_sha varchar,                   -- abbreviated, as the agent names it
    speed varchar,                        -- fast, normal, batch … as the agent names it
    trace_id varchar,
    span_id varchar,
    attributes json
);

create table raw.otel_spans (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    timestamp timestamptz not null,       -- start
    end_time timestamptz,
    agent_type varchar not null,
    service_name varchar,
    service_version varchar,
    resource_id uuid,
    developer_id varchar,
    session_id varchar,
    user_id varchar,
    user_email varchar,
    trace_id varchar not null,
    span_id varchar not null,
    parent_span_id varchar,
    span_name varchar,
    kind varchar,
    status varchar,
    request_id varchar,
    model varchar,
    agent_name varchar,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    tool_name varchar,
    tool_use_id varchar,
    error_type varchar,
    attributes json
);

create table raw.transcript_usage (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    timestamp timestamptz not null,
    agent_type varchar not null,
    service_version varchar,
    developer_id varchar,
    session_id varchar,
    parent_session_id varchar,
    is_sidechain boolean,
    agent_name varchar,
    request_id varchar,
    message_id varchar,
    sequence bigint,                      -- order within the session's history
    model varchar,
    input_tokens bigint,                  -- normalised: without cache
    cache_read_tokens bigint,
    cache_write_5m_tokens bigint,
    cache_write_1h_tokens bigint,
    cache_write_unknown_tokens bigint,
    output_tokens bigint,                 -- including reasoning
    reasoning_tokens bigint,
    cost_usd decimal(38, 12),             -- only where the transcript itself says so
    speed varchar,
    service_tier varchar,
    success boolean,
    error_code varchar,
    project_id varchar,
    branch varchar
);

create table raw.transcript_tool_calls (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    timestamp timestamptz not null,
    agent_type varchar not null,
    developer_id varchar,
    session_id varchar,
    is_sidechain boolean,
    tool_name varchar,
    tool_use_id varchar,
    duration_ms bigint,
    success boolean,
    error_type varchar,
    file_extension varchar,
    arguments_hash varchar,
    is_git_commit boolean,
    commit_sha varchar
);

create table raw.session_context (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    timestamp timestamptz not null,       -- when it was so
    agent_type varchar not null,
    session_id varchar not null,
    developer_id varchar,
    event varchar not null,               -- start | end | prompt | context
    reason varchar,
    project_id varchar,
    cwd_hash varchar,
    branch varchar,
    service_version varchar,
    source varchar not null               -- hook | transcript | api
);

create table raw.git_commits (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    project_id varchar not null,
    commit_hash varchar not null,
    commit_message varchar,
    author_name varchar,
    author_email varchar,
    author_timestamp timestamptz,
    author_offset_minutes integer,
    committer_name varchar,
    committer_email varchar,
    commit_timestamp timestamptz not null,
    commit_offset_minutes integer,
    parents varchar,                      -- hashes, space-separated
    branch varchar,
    files_changed integer,
    lines_added bigint,                   -- without binary, lock, generated and vendored files
    lines_deleted bigint,
    lines_added_total bigint,
    lines_deleted_total bigint,
    patch_id varchar,
    trailers json,
    source varchar not null,              -- hook | watch | backfill | api
    developer_id varchar,
    agent_assisted boolean,               -- the client's own hint
    agent_session_id varchar,
    agent_type varchar
);

create table raw.git_commit_evidence (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    project_id varchar,
    commit_hash varchar not null,         -- full, or abbreviated (at least 7)
    kind varchar not null,                -- a key of sql_models/seeds/evidence_kinds.csv
    agent_type varchar,
    session_id varchar,
    value varchar,
    observed_at timestamptz not null
);

create table raw.repositories (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    project_id varchar not null,
    project_name varchar not null,
    remote_url varchar,
    root_path varchar,
    default_branch varchar,
    watched boolean not null
);

create table raw.developer_identities (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    developer_id varchar not null,
    kind varchar not null,                -- email | user_id | git_author | login
    value varchar not null,
    source varchar not null,              -- key | alias | automatic
    removed boolean not null
);

create table raw.events (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    timestamp timestamptz not null,
    event_type varchar not null,
    agent_type varchar,
    session_id varchar,
    developer_id varchar,
    project_id varchar,
    correlation_id varchar,
    duration_ms bigint,
    cost_usd decimal(38, 12),
    provider varchar,
    task_type varchar,
    success boolean,
    error_code varchar,
    source varchar not null,
    attributes json
);

create table raw.copilot_metrics (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    date date not null,
    scope varchar not null,               -- org | user:<login>
    developer_id varchar,
    total_suggestions bigint,
    total_acceptances bigint,
    total_lines_suggested bigint,
    total_lines_accepted bigint,
    total_active_users bigint,
    language_breakdown json
);

create table raw.vendor_reports (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    source varchar not null,
    scope varchar not null,
    day date not null,
    report_key varchar not null,
    payload json not null
);

create table raw.model_names (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    model_name varchar not null,          -- as seen
    agent_type varchar,                   -- NULL: whatever the agent
    provider varchar,
    model_id varchar                      -- canonical; NULL: unknown to us
);

create table raw.model_prices (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    provider varchar not null,
    model_id varchar not null,
    speed varchar not null,               -- standard | fast | batch …
    valid_from timestamptz not null,
    valid_to timestamptz,                 -- exclusive; NULL: still valid
    tier_above_input_tokens bigint not null, -- applies to a request whose whole input is larger than this
    input_usd_per_mtok decimal(18, 9),
    cache_read_usd_per_mtok decimal(18, 9),
    cache_write_5m_usd_per_mtok decimal(18, 9),
    cache_write_1h_usd_per_mtok decimal(18, 9),
    output_usd_per_mtok decimal(18, 9),
    request_usd decimal(18, 9),           -- per thousand requests, where the vendor charges so
    price_source varchar not null,        -- genai-prices <version> | prices.yaml
    priority integer not null             -- the workspace's own prices win
);

create table raw.dropped_attributes (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    signal varchar not null,
    agent_type varchar not null,
    attribute_name varchar not null,
    dropped bigint not null
);

create table raw.dead_letters (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    signal varchar not null,
    reason varchar not null,
    key_id varchar,
    body_bytes bigint,
    records bigint
);

create table ops.batches (
    batch_id bigint not null,
    committed_at timestamptz not null,
    journal_offset bigint not null,       -- first byte after the last applied record
    row_count bigint not null
);

create table ops.settings (
    name varchar not null,                -- report_timezone and what else the models must agree on
    value varchar
);

create table ops.model_runs (
    run_id varchar not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    node varchar not null,
    status varchar not null,
    row_count bigint,
    duration_ms double,
    message varchar
);

create view main.raw_otel_metrics as
    select batch_id as id, timestamp, developer_id, metric_name, metric_value, attributes, received_at as created_at
    from raw.otel_metrics;

create view main.raw_otel_logs as
    select batch_id as id, timestamp, developer_id, severity, event_name as body, attributes, received_at as created_at
    from raw.otel_logs;

create view main.raw_git_commits as
    select batch_id as id, commit_hash, commit_message, author_name, author_email, commit_timestamp, files_changed,
           lines_added, lines_deleted, agent_assisted, agent_session_id, agent_type, developer_id, project_id,
           received_at as created_at
    from raw.git_commits;

create view main.raw_copilot_metrics as
    select batch_id as id, date, developer_id, total_suggestions, total_acceptances, total_lines_suggested,
           total_lines_accepted, total_active_users, language_breakdown, received_at as created_at
    from raw.copilot_metrics;
