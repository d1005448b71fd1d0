"""The control plane: what operators and apps read and change, under `/gateway/v1`. One noun a file."""
