-- Names, for the rows of one page only.
select
    page.*,
    d.developer_name,
    p.project_name
from page
left join mart.dim_developers as d on d.developer_id = page.developer_id
left join mart.dim_projects as p on p.project_id = page.project_id
