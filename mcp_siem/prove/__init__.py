"""Is the pack right? Lint, fixtures replayed, goldens compared."""
