"""What to look for: rules, packs, fixtures, lint."""
