-- what the deadline worker asks: which households have something to do by a day
CREATE INDEX due_awaited ON due (lane, kind, day) INCLUDE (household) WHERE done_on IS NULL AND missed_on IS NULL;
