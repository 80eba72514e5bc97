"""Queries -> SIEM: plan, apply, and the port of a SIEM's API. Only `apply` writes."""
