"""ffmpeg: where it is, what it can do, how it is called."""
