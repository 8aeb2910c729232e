-- The timeline is read by cluster and by reason as well.

CREATE INDEX events_by_cluster ON events (cluster, id);
CREATE INDEX events_by_reason ON events (reason, id);
CREATE INDEX events_by_namespace ON events (namespace, id);
