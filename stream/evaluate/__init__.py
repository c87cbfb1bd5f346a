"""`leeway evaluate`: any detectors on anybody's file, through the panes and the fold that the judge runs."""
