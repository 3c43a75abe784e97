"""``make chaos``: every remote party in turn fails in every way, and each story still ends well or honestly weaker."""
