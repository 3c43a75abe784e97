"""``make soak``: an hour of mixed traffic while one party after the other fails; memory, files and threads stay flat."""
