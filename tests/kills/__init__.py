"""``make kills``: worker processes die at random moments, and in the end every count is exact."""
