"""The same trials on many machines, by dask.distributed."""
