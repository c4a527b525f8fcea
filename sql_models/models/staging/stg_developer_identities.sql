-- One row per identity (kind and value) that points to a developer: the last word counts, removed ones are gone.
select
    kind,
    {{ name_key('value') }} as value,
    {{ plain_address('developer_id') }} as developer_id,
    source
from {{ source('raw', 'developer_identities') }}
qualify row_number() over (
    partition by kind, {{ name_key('value') }} order by batch_id desc, received_at desc, dedup_key desc
) = 1
    and not removed
