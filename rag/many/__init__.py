"""Answers that read many excerpts: lists, comparisons, summaries, timelines, counts."""
