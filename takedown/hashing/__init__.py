"""Fingerprints of the pictures of dataset copies: tables that others can attach, and what a build needs."""

from __future__ import annotations

from takedown.hashing.job import Report, hash_shards

__all__ = ["Report", "hash_shards"]
