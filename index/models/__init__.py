"""The model files: where each comes from, its size, checksum and licence; fetched, verified and converted once."""
