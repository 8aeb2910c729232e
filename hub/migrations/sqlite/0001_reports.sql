-- What agents said last, and a timeline. A cache: deleting it loses history, nothing else.
-- Plain types and ON CONFLICT only: PostgreSQL holds the same tables. Times are milliseconds since 1970.

CREATE TABLE clusters (
    cluster         TEXT    NOT NULL PRIMARY KEY,
    cluster_uid     TEXT    NOT NULL,
    session         TEXT    NOT NULL,
    started_at      BIGINT  NOT NULL,
    sequence        BIGINT,
    agent_version   TEXT    NOT NULL,
    target_commit   TEXT,
    problems        TEXT    NOT NULL,
    api_calls       TEXT    NOT NULL,
    reported_at     BIGINT
);

CREATE TABLE reports (
    cluster         TEXT    NOT NULL,
    namespace       TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    session         TEXT    NOT NULL,
    sequence        BIGINT  NOT NULL,
    reported_at     BIGINT  NOT NULL,
    body            TEXT    NOT NULL,
    PRIMARY KEY (cluster, namespace, name)
);

CREATE TABLE events (
    id              INTEGER PRIMARY KEY,
    at              BIGINT  NOT NULL,
    namespace       TEXT,
    name            TEXT,
    cluster         TEXT,
    reason          TEXT    NOT NULL,
    message         TEXT    NOT NULL
);

CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_application ON events (namespace, name, id);
