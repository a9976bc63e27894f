"""One function per verb; the only place where deciding meets doing."""
