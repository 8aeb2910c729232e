-- Who may read: tokens, people who signed in, and logins that were used up. Only digests are kept. Whatever changes who may read raises
-- the version, so that hubs see at little cost whether they have to read it again.

CREATE TABLE access (
    one             INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    version         BIGINT  NOT NULL
);

INSERT INTO access (one, version) VALUES (1, 1);

CREATE TABLE read_tokens (
    hash            TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    namespaces      TEXT    NOT NULL,
    created_at      BIGINT  NOT NULL,
    expires_at      BIGINT,
    used_at         BIGINT
);

CREATE TABLE sessions (
    hash            TEXT    NOT NULL PRIMARY KEY,
    person          TEXT    NOT NULL,
    created_at      BIGINT  NOT NULL,
    used_at         BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL
);

CREATE TABLE logins (
    hash            TEXT    NOT NULL PRIMARY KEY,
    expires_at      BIGINT  NOT NULL
);
