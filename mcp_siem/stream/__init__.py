"""From files and pipes to events: opens inputs, cuts lines, feeds sources, merges by time."""
