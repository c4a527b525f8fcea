"""One module per verb of `aa-engine`: its flags (`configure`) and its work (`run`). Refuses logic: verbs call packages."""
