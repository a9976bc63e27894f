"""Stand-ins for faults: a quick false ffmpeg, and a process that forks ready-made commands."""
