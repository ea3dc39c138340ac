"""What the CRDs say: names, kinds, and rows of pods and nodes. Pure."""
