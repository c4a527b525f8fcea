{# The team's e-mail domains as an SQL list. #}
{% macro internal_domains() -%}
    cast([
    {%- for domain in var('internal_domains') -%}
        '{{ domain | lower | replace("'", "''") }}'{{ ', ' if not loop.last }}
    {%- endfor -%}
    ] as varchar[])
{%- endmacro %}
