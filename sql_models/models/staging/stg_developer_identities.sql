-- One row per identity (kind and value) that points to a developer: the last word counts, removed ones are gone.
select
    kind,
    lower(value) as value,
    developer_id,
    source
from {{ source('raw', 'developer_identities') }}
qualify row_number() over (
    partition by kind, lower(value) order by batch_id desc, received_at desc, dedup_key desc
) = 1
    and not removed
