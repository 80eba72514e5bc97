"""What happened: the event, its fields, and what is derived from them. Pure; no I/O."""
