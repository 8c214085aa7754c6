"""Flood control that knows nobody: who is slowed, who waits, and the sum a browser does instead."""
