{# During a live refresh the engine keeps the changed keys in aa_touched_<set>(key). Outside one every key counts as
   touched, so that dbt and full builds compute everything. #}
{% macro touched(set_name, expression) -%}
    {%- if var('aa_touched', false) -%}
        {{ expression }} in (select key from aa_touched_{{ set_name }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# A condition that narrows only a live refresh and is nothing otherwise. #}
{% macro when_touched(condition) -%}
    {%- if var('aa_touched', false) -%} {{ condition }} {%- else -%} false {%- endif -%}
{%- endmacro %}
