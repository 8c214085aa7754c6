"""English is read by people from everywhere: the month in letters, so that nobody takes it for the day."""

DATE_FORMAT = "j F Y"
