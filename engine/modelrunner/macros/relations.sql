{# What materializations, hooks and macros of a project call: relations, columns, statements. #}

{# Hooks ----------------------------------------------------------------------------------------------------------- #}
{% macro make_hook_config(sql, inside_transaction) %}{{ tojson({'sql': sql, 'transaction': inside_transaction}) }}{% endmacro %}
{% macro before_begin(sql) %}{{ make_hook_config(sql, inside_transaction=False) }}{% endmacro %}
{% macro in_transaction(sql) %}{{ make_hook_config(sql, inside_transaction=True) }}{% endmacro %}
{% macro after_commit(sql) %}{{ make_hook_config(sql, inside_transaction=False) }}{% endmacro %}
{% macro run_hooks(hooks, inside_transaction=True) %}
  {% for hook in hooks | selectattr('transaction', 'equalto', inside_transaction) %}
    {% set rendered = render(hook.get('sql')) | trim %}
    {% if rendered %}{% call statement(auto_begin=inside_transaction) %}{{ rendered }}{% endcall %}{% endif %}
  {% endfor %}
{% endmacro %}
{% macro set_sql_header(config) -%}{{ config.set('sql_header', caller()) }}{%- endmacro %}

{# Relations ------------------------------------------------------------------------------------------------------- #}
{% macro load_cached_relation(relation) %}{% do return(adapter.load_relation(relation)) %}{% endmacro %}
{% macro load_relation(relation) %}{% do return(load_cached_relation(relation)) %}{% endmacro %}
{% macro get_or_create_relation(database, schema, identifier, type) %}
  {% set found = adapter.get_relation(database=database, schema=schema, identifier=identifier) %}
  {% if found %}{% do return([true, found]) %}{% endif %}
  {% do return([false, api.Relation.create(database=database, schema=schema, identifier=identifier, type=type)]) %}
{% endmacro %}
{% macro make_intermediate_relation(base_relation, suffix='__dbt_tmp') %}
  {% do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix})) %}
{% endmacro %}
{% macro make_backup_relation(base_relation, backup_relation_type, suffix='__dbt_backup') %}
  {% do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix}, type=backup_relation_type)) %}
{% endmacro %}
{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') %}
  {% do return(adapter.dispatch('make_temp_relation', 'dbt')(base_relation, suffix)) %}
{% endmacro %}
{% macro duckdb__make_temp_relation(base_relation, suffix) %}
  {% set name = base_relation.identifier ~ suffix ~ py_current_timestring() %}
  {% do return(base_relation.incorporate(path={'database': none, 'schema': none, 'identifier': name})) %}
{% endmacro %}
{% macro drop_relation_if_exists(relation) %}{% if relation is not none %}{{ adapter.drop_relation(relation) }}{% endif %}{% endmacro %}
{% macro drop_relation(relation) %}{{ adapter.drop_relation(relation) }}{% endmacro %}
{% macro truncate_relation(relation) %}{{ adapter.truncate_relation(relation) }}{% endmacro %}
{% macro rename_relation(from_relation, to_relation) %}{{ adapter.rename_relation(from_relation, to_relation) }}{% endmacro %}
{% macro create_schema(relation) %}{{ adapter.create_schema(relation) }}{% endmacro %}
{% macro drop_schema(relation) %}{{ adapter.drop_schema(relation) }}{% endmacro %}
{% macro check_schema_exists(information_schema, schema) %}
  {% do return(run_query("select count(*) from duckdb_schemas() where lower(schema_name) = lower('" ~ schema ~ "') and lower(database_name) = lower('" ~ information_schema.database ~ "')")) %}
{% endmacro %}
{% macro list_schemas(database) %}
  {% do return(run_query("select schema_name from duckdb_schemas() where lower(database_name) = lower('" ~ database ~ "')")) %}
{% endmacro %}
{% macro information_schema_name(database) -%}{% if database %}{{ database }}.{% endif %}INFORMATION_SCHEMA{%- endmacro %}
{% macro resolve_model_name(input_model_name) -%}{{ input_model_name | string | replace('"', '\"') }}{%- endmacro %}

{# Statements ------------------------------------------------------------------------------------------------------ #}
{% macro create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
  {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code) }}
{%- endmacro %}
{% macro default__create_table_as(temporary, relation, compiled_code) -%}
  {{ config.get('sql_header') or '' }}
  create {% if temporary %}temporary {% endif %}table {{ relation.include(database=(not temporary), schema=(not temporary)) }} as (
    {{ compiled_code }}
  );
{%- endmacro %}
{% macro get_create_table_as_sql(temporary, relation, sql) -%}{{ create_table_as(temporary, relation, sql) }}{%- endmacro %}
{% macro create_view_as(relation, sql) -%}{{ adapter.dispatch('create_view_as', 'dbt')(relation, sql) }}{%- endmacro %}
{% macro default__create_view_as(relation, sql) -%}
  {{ config.get('sql_header') or '' }}
  create view {{ relation }} as (
    {{ sql }}
  );
{%- endmacro %}
{% macro get_create_view_as_sql(relation, sql) -%}{{ create_view_as(relation, sql) }}{%- endmacro %}
{% macro create_or_replace_view() %}
  {% set existing = load_cached_relation(this) %}
  {{ run_hooks(pre_hooks) }}
  {% if existing is not none %}{% do adapter.drop_relation(existing) %}{% endif %}
  {% call statement('main') %}{{ get_create_view_as_sql(this.incorporate(type='view'), sql) }}{% endcall %}
  {{ run_hooks(post_hooks) }}
  {% do return({'relations': [this.incorporate(type='view')]}) %}
{% endmacro %}
{% macro get_select_subquery(sql) -%}select {{ model.columns.keys() | join(', ') }} from (
    {{ sql }}
) as model_subq{%- endmacro %}
{% macro get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
  {{ select_sql_header or '' }}
  select * from (
    {{ select_sql }}
  ) as __dbt_sbq
  where false
  limit 0
{%- endmacro %}
{% macro get_show_sql(compiled_code, sql_header, limit) -%}{{ sql_header or '' }}{{ get_limit_subquery_sql(compiled_code, limit) }}{%- endmacro %}
{% macro create_indexes(relation) %}
  {% for raw in config.get('indexes') or [] %}
    {% do run_query(get_create_index_sql(relation, raw)) %}
  {% endfor %}
{% endmacro %}
{% macro get_create_index_sql(relation, index_dict) -%}
  create {% if index_dict.unique %}unique {% endif %}index "{{ adapter.index_name(relation, index_dict) }}" on {{ relation }} ({{ index_dict.columns | join(', ') }})
{%- endmacro %}
{% macro persist_docs(relation, model, for_relation=true, for_columns=true) %}{{ adapter.persist_docs() }}{% endmacro %}
{% macro apply_grants(relation, grant_config, should_revoke=True) %}{% endmacro %}
{% macro should_revoke(existing_relation, full_refresh_mode=True) %}{% do return(false) %}{% endmacro %}
{% macro copy_grants() %}{% do return(false) %}{% endmacro %}

{# Columns --------------------------------------------------------------------------------------------------------- #}
{% macro get_columns_in_relation(relation) %}{% do return(adapter.get_columns_in_relation(relation)) %}{% endmacro %}
{% macro get_column_schema_from_query(select_sql, select_sql_header=none) %}{% do return(adapter.get_column_schema_from_query(select_sql)) %}{% endmacro %}
{% macro get_columns_in_query(select_sql) %}{% do return(adapter.get_column_schema_from_query(select_sql) | map(attribute='name') | list) %}{% endmacro %}
{% macro get_list_of_column_names(columns) %}{% do return(columns | map(attribute='name') | list) %}{% endmacro %}
{% macro get_quoted_csv(column_names) %}
  {% set quoted = [] %}
  {% for name in column_names %}{% do quoted.append(adapter.quote(name)) %}{% endfor %}
  {% do return(quoted | join(', ')) %}
{% endmacro %}
{% macro diff_columns(source_columns, target_columns) %}
  {% set known = target_columns | map(attribute='name') | map('lower') | list %}
  {% set found = [] %}
  {% for column in source_columns if column.name.lower() not in known %}{% do found.append(column) %}{% endfor %}
  {% do return(found) %}
{% endmacro %}
{% macro diff_column_data_types(source_columns, target_columns) %}
  {% set found = [] %}
  {% for new in source_columns %}
    {% set old = target_columns | selectattr('name', 'equalto', new.name) | list | first %}
    {% if old and old.data_type != new.data_type %}{% do found.append({'column_name': old.name, 'new_type': new.data_type}) %}{% endif %}
  {% endfor %}
  {% do return(found) %}
{% endmacro %}
{% macro alter_relation_add_remove_columns(relation, add_columns=none, remove_columns=none) %}
  {% for column in add_columns or [] %}{% do run_query('alter table ' ~ relation ~ ' add column ' ~ column.quoted ~ ' ' ~ column.data_type) %}{% endfor %}
  {% for column in remove_columns or [] %}{% do run_query('alter table ' ~ relation ~ ' drop column ' ~ column.quoted) %}{% endfor %}
{% endmacro %}
{% macro alter_column_type(relation, column_name, new_column_type) %}
  {% do run_query('alter table ' ~ relation ~ ' alter column ' ~ adapter.quote(column_name) ~ ' type ' ~ new_column_type) %}
{% endmacro %}

{# Incremental models ---------------------------------------------------------------------------------------------- #}
{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') %}
  {% do return(on_schema_change if on_schema_change in ['sync_all_columns', 'append_new_columns', 'fail', 'ignore'] else default) %}
{% endmacro %}
{% macro get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) %}
  {% set unwanted = (merge_exclude_columns or []) | map('lower') | list %}
  {% set names = [] %}
  {% if merge_update_columns %}
    {% for name in merge_update_columns %}{% do names.append(adapter.quote(name)) %}{% endfor %}
  {% else %}
    {% for column in dest_columns if column.column | lower not in unwanted %}{% do names.append(column.quoted) %}{% endfor %}
  {% endif %}
  {% do return(names) %}
{% endmacro %}
{% macro get_incremental_append_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_append_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro default__get_incremental_append_sql(arg_dict) %}{% do return(adapter.strategy_sql('append', arg_dict)) %}{% endmacro %}
{% macro get_incremental_delete_insert_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_delete_insert_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro default__get_incremental_delete_insert_sql(arg_dict) %}{% do return(adapter.strategy_sql('delete+insert', arg_dict)) %}{% endmacro %}
{% macro get_incremental_merge_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_merge_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro duckdb__get_incremental_merge_sql(arg_dict) %}{% do return(adapter.strategy_sql('merge', arg_dict)) %}{% endmacro %}
{% macro get_incremental_default_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_default_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro duckdb__get_incremental_default_sql(arg_dict) %}{% do return(get_incremental_delete_insert_sql(arg_dict)) %}{% endmacro %}
{% macro get_insert_into_sql(target_relation, temp_relation, dest_columns) %}
  {% do return(adapter.strategy_sql('append', {'target_relation': target_relation, 'temp_relation': temp_relation, 'dest_columns': dest_columns})) %}
{% endmacro %}
{% macro get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) %}
  {% do return(adapter.strategy_sql('delete+insert', {'target_relation': target, 'temp_relation': source, 'unique_key': unique_key, 'dest_columns': dest_columns, 'incremental_predicates': incremental_predicates})) %}
{% endmacro %}
{% macro get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) %}
  {% do return(adapter.strategy_sql('merge', {'target_relation': target, 'temp_relation': source, 'unique_key': unique_key, 'dest_columns': dest_columns, 'incremental_predicates': incremental_predicates})) %}
{% endmacro %}
