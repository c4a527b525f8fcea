"""Git repositories as a source: what was committed, when, by whom, and which signs of an agent a commit carries.

Owns the list of watched repositories, reading their history once, following their refs, and the evidence in commits.
Refuses to write into a repository, to fetch, and to decide what a commit is worth: links and cost are SQL models.
"""
