"""From a question to an answer whose every sentence names the sentence of the source that it rests
on."""
