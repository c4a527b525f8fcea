{# One row per grain. `combination` are SQL expressions; NULL is a value like any other. #}
{% test unique_combination_of_columns(model, combination) %}
select {{ combination | join(', ') }}, count(*) as row_count
from {{ model }}
group by {% for column in combination %}{{ loop.index }}{{ ", " if not loop.last }}{% endfor %}
having count(*) > 1
{% endtest %}
