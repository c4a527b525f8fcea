-- What the writer notes of each batch.
insert into ops.batches (batch_id, committed_at, journal_offset, row_count)
with counted as (
    select batch_id, received_at from raw.otel_logs
    union all select batch_id, received_at from raw.otel_metrics
    union all select batch_id, received_at from raw.otel_spans
    union all select batch_id, received_at from raw.transcript_usage
    union all select batch_id, received_at from raw.transcript_tool_calls
    union all select batch_id, received_at from raw.session_context
    union all select batch_id, received_at from raw.git_commits
    union all select batch_id, received_at from raw.git_commit_evidence
    union all select batch_id, received_at from raw.repositories
    union all select batch_id, received_at from raw.developer_identities
    union all select batch_id, received_at from raw.copilot_metrics
)

select batch_id, max(received_at), 0, count(*)
from counted
where batch_id >= coalesce(getvariable('team_batch'), getvariable('team_first_batch'))
group by batch_id;
