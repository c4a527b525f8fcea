{# During a live refresh the engine keeps the changed keys in aa_touched_<set>(key). Outside one every key counts as
   touched, so that dbt and full builds compute everything. #}
{% macro touched(set_name, expression) -%}
    {%- if var('aa_touched', false) -%}
        {{ expression }} in (select key from aa_touched_{{ set_name }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The same for days: the column stays a date, so that only the row groups of those days are read. #}
{% macro touched_day(column) -%}
    {%- if var('aa_touched', false) -%}
        {{ column }} in (select cast(key as date) from aa_touched_day)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
