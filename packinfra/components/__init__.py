"""What a program or a stack file uses: components that declare resources."""
