-- How often what is known of a cluster changed, which change last took reports away, and which one a report came with: what one hub
-- stored, the others read by it. Epoch and generation of the commit that the agent works on.

ALTER TABLE clusters ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE clusters ADD COLUMN removed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE clusters ADD COLUMN target_epoch BIGINT;
ALTER TABLE clusters ADD COLUMN target_generation BIGINT;
ALTER TABLE reports ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
