"""From decisions to a signed release: plans, lists, proofs, mirrors, and what waits."""
