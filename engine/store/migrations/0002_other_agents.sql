-- Agents without log records (GitHub Copilot) tell of their tools by spans: the same facts as of a log record.

alter table raw.otel_spans add column success boolean;
alter table raw.otel_spans add column file_extension varchar;
alter table raw.otel_spans add column arguments_hash varchar;
alter table raw.otel_spans add column is_git_commit boolean;
alter table raw.otel_spans add column commit_sha varchar;

-- A sub-agent's session that names no parent itself: its parent's history does (event 'parent').
alter table raw.session_context add column parent_session_id varchar;
