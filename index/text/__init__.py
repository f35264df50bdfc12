"""Language: detection, words, sentences."""
