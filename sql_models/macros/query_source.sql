{# Who asked the model, from the agent's own words: the session's main loop, a sub-agent, or housekeeping (titles,
   summaries). NULL where the agent says nothing. #}
{% macro query_source(said, agent_name) -%}
    case when {{ agent_name }} is not null or lower({{ said }}) = 'subagent' or lower({{ said }}) like 'agent:%'
              then 'subagent'
         when {{ said }} is null then null
         when lower({{ said }}) in ('main', 'sdk') or lower({{ said }}) like 'repl%' then 'main'
         else 'auxiliary' end
{%- endmacro %}

{# The price list that a request was billed by. #}
{% macro price_speed(speed, service_tier) -%}
    case when lower({{ speed }}) not in ('normal', 'standard', 'default', 'auto') then lower({{ speed }})
         when lower({{ service_tier }}) in ('batch', 'priority', 'flex', 'fast') then lower({{ service_tier }})
         else 'standard' end
{%- endmacro %}

{# A model's name without what does not change the model: letter case and the context-window mark. #}
{% macro plain_model(name) -%}
    regexp_replace(lower({{ name }}), '\[1m\]$', '')
{%- endmacro %}
