"""Everything that comes from outside: speeches, annotations and deeds, one small file a kind."""
