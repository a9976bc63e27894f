"""Reports: records in memory to one self-contained page, Markdown, CSV or JSON."""
