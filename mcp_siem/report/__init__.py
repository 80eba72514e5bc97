"""Alerts, findings and plans in the forms people and machines read. Nothing here decides anything."""
