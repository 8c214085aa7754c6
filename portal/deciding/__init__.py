"""What reviewers decide, by whom it may be decided, and which entries that keeps alive."""
