-- Which database this is, so that hubs can tell whether they share one. Made once, with the table; a copy of the file is taken for the same.

CREATE TABLE identity (
    one             INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    identity        TEXT    NOT NULL
);

INSERT INTO identity (one, identity) VALUES (1, lower(hex(randomblob(16))));
