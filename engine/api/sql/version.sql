-- The newest batch that was applied: part of every cache key.
select coalesce(max(batch_id), 0) as batch_id, max(committed_at) as committed_at from ops.batches
