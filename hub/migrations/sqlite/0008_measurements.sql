-- What was measured for gates that are over, one row for each cluster.

CREATE TABLE measurements (
    id              INTEGER PRIMARY KEY,
    at              BIGINT  NOT NULL,
    namespace       TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    release         TEXT    NOT NULL,
    run             BIGINT  NOT NULL,
    cluster         TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    UNIQUE (namespace, name, release, run, cluster)
);

CREATE INDEX measurements_by_time ON measurements (at);
CREATE INDEX measurements_by_application ON measurements (namespace, name, id);
