"""One module per verb of `aa-engine`.

Owns each verb's flags (`configure`) and its exit code (`run`). Refuses the work itself: verbs call packages.
"""
