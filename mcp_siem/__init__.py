"""Detections for the Model Context Protocol (MCP) as code."""

__all__ = ["__version__"]

__version__ = "0.1.0"
