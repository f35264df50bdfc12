"""The model files: where each comes from; fetched, verified and converted once."""
