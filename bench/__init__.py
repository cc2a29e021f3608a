"""Speed, memory and scale of the whole worker, side by side with its peers; run by `python -m bench`."""
