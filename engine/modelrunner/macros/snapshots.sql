{# Snapshots: what changed since the last look, and what becomes of it. A project may bring its own strategy as
   snapshot_<name>_strategy; snapshots.py runs what these macros render. #}

{% macro snapshot_get_time() -%}{{ adapter.dispatch('snapshot_get_time', 'dbt')() }}{%- endmacro %}
{% macro default__snapshot_get_time() -%}{{ current_timestamp() }}::timestamp{%- endmacro %}
{% macro snapshot_string_as_time(timestamp) -%}{{ return("'" ~ timestamp ~ "'::timestamp") }}{%- endmacro %}

{% macro snapshot_hash_arguments(args) -%}{{ adapter.dispatch('snapshot_hash_arguments', 'dbt')(args) }}{%- endmacro %}
{% macro default__snapshot_hash_arguments(args) -%}
  md5({%- for arg in args -%}coalesce(cast({{ arg }} as varchar), ''){% if not loop.last %} || '|' || {% endif %}{%- endfor -%})
{%- endmacro %}

{% macro get_snapshot_table_column_names() %}
  {% set names = {} %}
  {% set given = config.get('snapshot_meta_column_names') or {} %}
  {% for name in ['dbt_valid_to', 'dbt_valid_from', 'dbt_scd_id', 'dbt_updated_at', 'dbt_is_deleted'] %}
    {% do names.update({name: given.get(name) or name}) %}
  {% endfor %}
  {% do return(names) %}
{% endmacro %}

{# Strategies ------------------------------------------------------------------------------------------------------ #}

{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
  {% set columns = get_snapshot_table_column_names() %}
  {% set updated_at = config.get('updated_at') %}
  {% do return({
    'unique_key': config.get('unique_key'),
    'updated_at': updated_at,
    'row_changed': '(' ~ snapshotted_rel ~ '.' ~ columns.dbt_valid_from ~ ' < ' ~ current_rel ~ '.' ~ updated_at ~ ')',
    'scd_id': snapshot_hash_arguments(api.Relation.scd_args(config.get('unique_key'), updated_at)),
    'hard_deletes': adapter.get_hard_deletes_behavior(config),
  }) %}
{% endmacro %}

{% macro snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
  {% set updated_at = config.get('updated_at') or snapshot_get_time() %}
  {% set changed = [] %}
  {% if target_exists %}
    {% set wanted = config.get('check_cols') %}
    {% set looked_at = node.compiled_code if wanted == 'all'
       else 'select ' ~ (wanted | join(', ')) ~ ' from (\n' ~ node.compiled_code ~ '\n) subq' %}
    {% set known = adapter.get_columns_in_relation(this) | map(attribute='name') | list %}
    {% for column in adapter.get_column_schema_from_query(looked_at) %}
      {% if column.name in known %}
        {% do changed.append(snapshotted_rel ~ '.' ~ column.quoted ~ ' is distinct from ' ~ current_rel ~ '.' ~ column.quoted) %}
      {% else %}
        {% do changed.append('true') %}
      {% endif %}
    {% endfor %}
  {% endif %}
  {% do return({
    'unique_key': config.get('unique_key'),
    'updated_at': updated_at,
    'row_changed': '(' ~ (changed | join(' or ') or 'false') ~ ')',
    'scd_id': snapshot_hash_arguments(api.Relation.scd_args(config.get('unique_key'), updated_at)),
    'hard_deletes': adapter.get_hard_deletes_behavior(config),
  }) %}
{% endmacro %}

{# Statements ------------------------------------------------------------------------------------------------------ #}

{% macro get_dbt_valid_to_current(strategy, columns) -%}
  coalesce(nullif({{ strategy.updated_at }}, {{ strategy.updated_at }}), {{ config.get('dbt_valid_to_current') or 'null' }}) as {{ columns.dbt_valid_to }}
{%- endmacro %}

{% macro build_snapshot_table(strategy, sql) %}
  {% set columns = get_snapshot_table_column_names() %}
select *,
    {{ strategy.scd_id }} as {{ columns.dbt_scd_id }},
    {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
    {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
    {{ get_dbt_valid_to_current(strategy, columns) }}
    {%- if strategy.hard_deletes == 'new_record' %}, 'False' as {{ columns.dbt_is_deleted }}{% endif %}
from (
{{ sql }}
) sbq
{% endmacro %}

{% macro snapshot_keys(unique_key) -%}
  {%- if unique_key is string -%}{{ unique_key }} as dbt_unique_key
  {%- else -%}{%- for key in unique_key -%}{{ key }} as dbt_unique_key_{{ loop.index }}{{ ', ' if not loop.last }}{%- endfor -%}
  {%- endif -%}
{%- endmacro %}
{% macro snapshot_key_names(unique_key) %}
  {% if unique_key is string %}{% do return(['dbt_unique_key']) %}{% endif %}
  {% set names = [] %}
  {% for key in unique_key %}{% do names.append('dbt_unique_key_' ~ loop.index) %}{% endfor %}
  {% do return(names) %}
{% endmacro %}
{% macro snapshot_joined(names) -%}
  {%- for name in names -%}snapshotted_data.{{ name }} = source_data.{{ name }}{{ ' and ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{# What is new or changed (insert), what ends (update) and what is gone (delete), told apart by dbt_change_type. #}
{% macro snapshot_staging_table(strategy, source_sql, target_relation) %}
  {% set columns = get_snapshot_table_column_names() %}
  {% set keys = snapshot_keys(strategy.unique_key) %}
  {% set names = snapshot_key_names(strategy.unique_key) %}
  {% set new_record = strategy.hard_deletes == 'new_record' %}
  {% set watches_deletes = new_record or strategy.hard_deletes == 'invalidate' %}
  {% set open_end = config.get('dbt_valid_to_current') %}
  {% set revived = " or snapshotted_data." ~ columns.dbt_is_deleted ~ " = 'True'" if new_record else '' %}
  {% set is_gone -%}
    source_data.{{ names[0] }} is null
    {%- if new_record %} and snapshotted_data.{{ columns.dbt_is_deleted }} is distinct from 'True'{% endif %}
  {%- endset %}
with snapshot_query as (
{{ source_sql }}
),
snapshotted_data as (
    select *, {{ keys }}
    from {{ target_relation }}
    where {% if open_end %}({{ columns.dbt_valid_to }} = {{ open_end }} or {{ columns.dbt_valid_to }} is null)
          {%- else %}{{ columns.dbt_valid_to }} is null{% endif %}
),
insertions_source_data as (
    select *, {{ keys }},
        {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
        {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
        {{ get_dbt_valid_to_current(strategy, columns) }},
        {{ strategy.scd_id }} as {{ columns.dbt_scd_id }}
    from snapshot_query
),
updates_source_data as (
    select *, {{ keys }},
        {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
        {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
        {{ strategy.updated_at }} as {{ columns.dbt_valid_to }}
    from snapshot_query
),
insertions as (
    select 'insert' as dbt_change_type, source_data.*
        {%- if new_record %}, 'False' as {{ columns.dbt_is_deleted }}{% endif %}
    from insertions_source_data as source_data
    left join snapshotted_data on {{ snapshot_joined(names) }}
    where snapshotted_data.{{ names[0] }} is null or {{ strategy.row_changed }}{{ revived }}
),
updates as (
    select 'update' as dbt_change_type, source_data.*, snapshotted_data.{{ columns.dbt_scd_id }}
        {%- if new_record %}, snapshotted_data.{{ columns.dbt_is_deleted }}{% endif %}
    from updates_source_data as source_data
    join snapshotted_data on {{ snapshot_joined(names) }}
    where {{ strategy.row_changed }}{{ revived }}
)
  {%- if watches_deletes %},
deletes_source_data as (select *, {{ keys }} from snapshot_query),
deletes as (
    select 'delete' as dbt_change_type, source_data.*,
        {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
        {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
        {{ snapshot_get_time() }} as {{ columns.dbt_valid_to }},
        snapshotted_data.{{ columns.dbt_scd_id }}
        {%- if new_record %}, snapshotted_data.{{ columns.dbt_is_deleted }}{% endif %}
    from snapshotted_data
    left join deletes_source_data as source_data on {{ snapshot_joined(names) }}
    where {{ is_gone }}
)
  {%- endif %}
  {%- if new_record %},
deletion_records as (
    {% set known = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list %}
    select 'insert' as dbt_change_type,
        {% for column in adapter.get_column_schema_from_query(source_sql) -%}
        {{ 'snapshotted_data' if column.name in known else 'source_data' }}.{{ column.quoted }},
        {% endfor -%}
        {% for name in names %}snapshotted_data.{{ name }}, {% endfor %}
        {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
        {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
        snapshotted_data.{{ columns.dbt_valid_to }} as {{ columns.dbt_valid_to }},
        {{ snapshot_hash_arguments(['snapshotted_data.' ~ columns.dbt_scd_id, snapshot_get_time()]) }} as {{ columns.dbt_scd_id }},
        'True' as {{ columns.dbt_is_deleted }}
    from snapshotted_data
    left join deletes_source_data as source_data on {{ snapshot_joined(names) }}
    where {{ is_gone }}
)
  {%- endif %}
select * from insertions
union all
select * from updates
  {%- if watches_deletes %}
union all
select * from deletes
  {%- endif %}
  {%- if new_record %}
union all
select * from deletion_records
  {%- endif %}
{% endmacro %}

{% macro snapshot_close_sql(target, source) %}
  {% set columns = get_snapshot_table_column_names() %}
  {% set open_end = config.get('dbt_valid_to_current') %}
update {{ target }} as target
set {{ columns.dbt_valid_to }} = source.{{ columns.dbt_valid_to }}
from {{ source }} as source
where source.{{ columns.dbt_scd_id }}::text = target.{{ columns.dbt_scd_id }}::text
  and source.dbt_change_type in ('update', 'delete')
  and (target.{{ columns.dbt_valid_to }} is null{% if open_end %} or target.{{ columns.dbt_valid_to }} = {{ open_end }}{% endif %})
{% endmacro %}
