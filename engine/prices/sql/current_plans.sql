-- The source of declared plans in force: the one published last.
select arg_max(plan_source, (batch_id, received_at)) as plan_source
from raw.plans
