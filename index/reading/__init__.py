"""One reader a family of files: bytes in, text and what is known of it out. They run in a process
of their own."""
