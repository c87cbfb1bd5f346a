"""The one loop of all roles (`loop`), what it asks of a role (`role`), and the snapshots it keeps (`fence`)."""
