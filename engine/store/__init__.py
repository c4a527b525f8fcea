"""Where rows live: one DuckDB file per workspace, its migrations, its one writer and its readers.

Owns the file, its schema and the way in and out. Refuses to know where rows come from and what they mean.
"""
