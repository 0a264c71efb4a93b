"""What turns a fresh clone into a running thing. Standard library only: it runs before anything is installed."""
