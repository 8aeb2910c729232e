-- What a cluster said last that it has free, as JSON.

ALTER TABLE clusters ADD COLUMN free TEXT NOT NULL DEFAULT 'null';
