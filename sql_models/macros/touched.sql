{# During a live refresh the engine keeps the changed keys in aa_touched_<set>(key). Outside one every key counts as
   touched, so that dbt and full builds compute everything. With a `time` column, which must lie between the times of the
   source rows of its key and never be NULL, only row groups of those times are read: the rows of the touched keys lie
   between low and high of aa_window_<set>, and none between before and after. #}
{% macro touched(set_name, expression, time=none) -%}
    {%- if var('aa_touched', false) -%}
        {{ expression }} in (select key from aa_touched_{{ set_name }})
        {%- if time %}
        {%- set window = "getvariable('aa_window_" ~ set_name ~ "')" %}
        and {{ time }} between {{ window }}.low and {{ window }}.high
        and ({{ time }} <= {{ window }}.before or {{ time }} >= {{ window }}.after)
        {%- endif %}
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
