-- How much of each kind has arrived. Counts come from the tables' own metadata: no scan.
select 'otel_metrics' as name, count(*) as row_count from raw.otel_metrics
union all select 'otel_logs', count(*) from raw.otel_logs
union all select 'otel_spans', count(*) from raw.otel_spans
union all select 'transcript_usage', count(*) from raw.transcript_usage
union all select 'transcript_tool_calls', count(*) from raw.transcript_tool_calls
union all select 'session_context', count(*) from raw.session_context
union all select 'git_commits', count(*) from raw.git_commits
union all select 'git_commit_evidence', count(*) from raw.git_commit_evidence
union all select 'events', count(*) from raw.events
union all select 'copilot_metrics', count(*) from raw.copilot_metrics
union all select 'vendor_reports', count(*) from raw.vendor_reports
