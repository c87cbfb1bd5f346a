"""From events to panes: what `profile` does between two transactions, in columns and not in rows."""
