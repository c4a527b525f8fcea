-- Names of models that agents report and that raw.model_names does not know yet. $since_batch: batches up to it were
-- asked about before.
with seen as (
    select agent_type, model from raw.otel_logs where batch_id > $since_batch and model is not null
    union
    select agent_type, model from raw.transcript_usage where batch_id > $since_batch and model is not null
    union
    select agent_type, model from raw.otel_metrics where batch_id > $since_batch and model is not null
    union
    select agent_type, model from raw.otel_spans where batch_id > $since_batch and model is not null
)

select agent_type, model
from seen
anti join raw.model_names as known
    on known.model_name = seen.model and (known.agent_type = seen.agent_type or known.agent_type is null)
order by agent_type, model
