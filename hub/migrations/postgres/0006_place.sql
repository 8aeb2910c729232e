-- Where the tables are: server, its history, and the table itself. A copy of them is somewhere else.

ALTER TABLE identity ADD COLUMN place TEXT;
