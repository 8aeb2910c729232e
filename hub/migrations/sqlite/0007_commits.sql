-- The commit by which people asked for what happened, with its author and subject: the timeline is read where no repository is.

ALTER TABLE events ADD COLUMN commit_id TEXT;
ALTER TABLE events ADD COLUMN commit_author TEXT;
ALTER TABLE events ADD COLUMN commit_subject TEXT;
