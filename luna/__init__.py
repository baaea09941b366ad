"""luna: a local reverse proxy that speaks OpenAI to tools and Qwen's web chat upstream.

This package root owns the version and nothing else.
"""

__version__ = "0.1.0"
