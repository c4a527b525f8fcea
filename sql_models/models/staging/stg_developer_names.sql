-- One row per name under which a developer may appear, whatever its kind. An alias set by a person wins over what a key
-- says, and that over what was found automatically.
{{ config(materialized='table') }}
select
    value,
    arg_min(developer_id, (case source when 'alias' then 1 when 'key' then 2 else 3 end, kind, developer_id))
        as developer_id
from {{ ref('stg_developer_identities') }}
group by value
