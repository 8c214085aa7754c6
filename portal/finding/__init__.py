"""From an item to the rows it is about: indexes, matching, whole sites, and looking again later."""
