"""`vmaf-mcp`: the toolkit for programs that speak the Model Context Protocol."""
