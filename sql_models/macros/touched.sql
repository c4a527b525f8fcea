{# During a live refresh the engine keeps the changed keys in aa_touched_<set>(key). Outside one every key counts as
   touched, so that dbt and full builds compute everything. With a `time` column, which must lie between the times of the
   source rows of its key and never be NULL, only row groups of those times are read: the rows of the touched keys lie
   between low and high of aa_window_<set>, and none between before and after. Times are kept of sessions and commits;
   a set of some of the sessions uses those of all. #}
{% macro touched(set_name, expression, time=none) -%}
    {%- if var('aa_touched', false) -%}
        {{ expression }} in (select key from aa_touched_{{ set_name }})
        {%- if time %}
        {%- set window = "getvariable('aa_window_" ~ set_name.split('_') | last ~ "')" %}
        and {{ time }} between {{ window }}.low and {{ window }}.high
        and ({{ time }} <= {{ window }}.before or {{ time }} >= {{ window }}.after)
        {%- endif %}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# Spans of time within some seconds of a touched key (without `first`: of whatever length); every span outside a live
   refresh. The set must have times. #}
{% macro touched_nearby(set_name, first, last, seconds) -%}
    {%- if var('aa_touched', false) -%}
        {%- set window = "getvariable('aa_window_" ~ set_name ~ "')" -%}
        {{ last }} >= {{ window }}.low - to_seconds({{ seconds }})
        {%- if first %}
        and {{ first }} <= {{ window }}.high + to_seconds({{ seconds }})
        and ({{ first }} <= {{ window }}.before + to_seconds({{ seconds }})
            or {{ last }} >= {{ window }}.after - to_seconds({{ seconds }}))
        {%- endif %}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The same for the days of developers, whose keys are `2026-11-20 alice@acme.dev`: a session that is resumed after months
   makes old days of one developer anew, not everybody's. The date is asked for by itself, too, so that only the row groups
   of those days are read. #}
{% macro touched_day(date, developer) -%}
    {%- if var('aa_touched', false) -%}
        {{ touched_date(date) }}
        and ({{ date }}, {{ developer }}) in (
            select (cast(left(key, 10) as date), substr(key, 12)) from aa_touched_developer_day
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# Days on which some developer was touched. #}
{% macro touched_date(date) -%}
    {%- if var('aa_touched', false) -%}
        {{ date }} in (select distinct cast(left(key, 10) as date) from aa_touched_developer_day)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
