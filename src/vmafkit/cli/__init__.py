"""The faces: parse, one library call, print."""
