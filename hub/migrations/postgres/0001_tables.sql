-- What agents said last, and a timeline. A cache: deleting it loses history, nothing else.
-- The same tables as in SQLite. Times are milliseconds since 1970. Names of clusters sort by their bytes, as the hubs sort them: rows are
-- locked in that order. The defaults are those of a row that is only reserved.

CREATE TABLE clusters (
    cluster             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    cluster_uid         TEXT    NOT NULL DEFAULT '',
    session             TEXT    NOT NULL DEFAULT '',
    started_at          BIGINT  NOT NULL DEFAULT 0,
    sequence            BIGINT,
    agent_version       TEXT    NOT NULL DEFAULT '',
    target_commit       TEXT,
    target_epoch        BIGINT,
    target_generation   BIGINT,
    problems            TEXT    NOT NULL DEFAULT '[]',
    api_calls           TEXT    NOT NULL DEFAULT '{}',
    reported_at         BIGINT,
    free                TEXT    NOT NULL DEFAULT 'null',
    version             BIGINT  NOT NULL DEFAULT 0,
    removed             BIGINT  NOT NULL DEFAULT 0
);

CREATE TABLE reports (
    cluster             TEXT COLLATE "C" NOT NULL,
    namespace           TEXT    NOT NULL,
    name                TEXT    NOT NULL,
    session             TEXT    NOT NULL,
    sequence            BIGINT  NOT NULL,
    reported_at         BIGINT  NOT NULL,
    version             BIGINT  NOT NULL,
    body                TEXT    NOT NULL,
    PRIMARY KEY (cluster, namespace, name)
);

CREATE TABLE events (
    id                  BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at                  BIGINT  NOT NULL,
    namespace           TEXT,
    name                TEXT,
    cluster             TEXT,
    reason              TEXT    NOT NULL,
    message             TEXT    NOT NULL
);

CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_application ON events (namespace, name, id);

-- Which database this is, so that hubs can tell that they share one.
CREATE TABLE identity (
    one                 INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    identity            TEXT    NOT NULL
);

INSERT INTO identity (one, identity) VALUES (1, replace(gen_random_uuid()::text, '-', ''));
