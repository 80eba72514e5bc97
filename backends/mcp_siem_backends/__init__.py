"""The SIEMs that mcp-siem speaks to, one folder each."""
