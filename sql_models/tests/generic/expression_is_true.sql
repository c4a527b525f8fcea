{# Every row satisfies the expression; a row where it is unknown (NULL) fails. #}
{% test expression_is_true(model, expression, column_name=none) %}
select *
from {{ model }}
where ({{ column_name or '' }} {{ expression }}) is not true
{% endtest %}
