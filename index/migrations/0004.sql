-- What of a document's file was not read, apart from its text, so that the list reads no text.
CREATE TABLE unread (document INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE, notes TEXT NOT NULL);
