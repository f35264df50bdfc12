CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, text TEXT NOT NULL,
    language TEXT NOT NULL, digest TEXT NOT NULL, source TEXT NOT NULL
);
CREATE INDEX documents_source ON documents (source);
CREATE TABLE sources (name TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, text TEXT NOT NULL,
    sentences BLOB NOT NULL, generation INTEGER NOT NULL
);
CREATE UNIQUE INDEX passages_document ON passages (document, ordinal);
CREATE INDEX passages_generation ON passages (generation);
CREATE TABLE vectors (
    passage INTEGER PRIMARY KEY REFERENCES passages ON DELETE CASCADE, vector BLOB NOT NULL, tokens BLOB NOT NULL,
    spans BLOB NOT NULL
);
CREATE TABLE pending (
    document TEXT NOT NULL, digest TEXT NOT NULL, ordinal INTEGER NOT NULL, vector BLOB NOT NULL,
    tokens BLOB NOT NULL, spans BLOB NOT NULL
);
CREATE UNIQUE INDEX pending_document ON pending (document, digest, ordinal);
CREATE TABLE removals (passage INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE INDEX removals_generation ON removals (generation);
CREATE VIRTUAL TABLE words USING fts5 (terms, tokenize = "unicode61 remove_diacritics 0");
INSERT INTO facts VALUES ('generation', '0');
