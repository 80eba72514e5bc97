"""What servers have advertised before: tools, prompts, resources and their definitions."""
