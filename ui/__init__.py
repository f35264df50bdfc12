"""The page: a conversation with the documents, in a browser."""
