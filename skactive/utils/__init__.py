"""What every module may use: checks of arguments, progress bars, limits of threads, delegation."""
