"""What the holder of a receipt is told about each item, in the language of the page."""
