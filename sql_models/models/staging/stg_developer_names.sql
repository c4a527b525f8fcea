-- One row per name under which a developer may appear, whatever its kind. An alias set by a person wins over what a key
-- says, and that over what was found automatically. Whom a name means may be somebody else in turn (merged developers):
-- the chain is followed to its end, and `through` are the names on the way, this one first. A chain that comes back to
-- where it was ends at the first name in the alphabet of its circle.
{{ config(materialized='table') }}

with recursive words as (
    select
        value,
        arg_min(developer_id, (case source when 'alias' then 1 when 'key' then 2 else 3 end, kind, developer_id))
            as developer_id
    from {{ ref('stg_developer_identities') }}
    group by value
),

chains as (
    select value, developer_id, [value] as through, lower(developer_id) = value as is_circle
    from words
    union all
    select c.value, w.developer_id, list_append(c.through, w.value), list_contains(c.through, lower(w.developer_id))
    from chains as c
    join words as w on w.value = lower(c.developer_id)
    where not c.is_circle
)

select
    value,
    case when is_circle
        then list_min(list_slice(through, list_position(through, lower(developer_id)), len(through)))
        else developer_id end as developer_id,
    through
from chains
qualify row_number() over (partition by value order by len(through) desc) = 1
