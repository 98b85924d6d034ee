"""The command line: `check`, `evaluate`, `fix` and `replay`. Lambda never imports it."""
