"""Where alerts go: standard output, files, webhooks, syslog; with retry, and a dead-letter file for what fails."""
