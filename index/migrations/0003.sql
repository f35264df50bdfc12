-- What a list of the documents shows, in an index of its own: making the list reads no text.
ALTER TABLE documents ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN page_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0;
UPDATE documents SET characters = length(text), page_count = length(pages) / 8,
    chunks = (SELECT count(*) FROM passages WHERE document = documents.id);
CREATE INDEX documents_listed ON documents (name, title, language, digest, source, chunks, characters, page_count);
-- Pending vectors belong to a text, whatever the document that has it is called.
UPDATE OR IGNORE pending SET document = '';
DELETE FROM pending WHERE document <> '';
