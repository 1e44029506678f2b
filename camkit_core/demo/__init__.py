"""What `camkit demo` needs: scenes, a small network trained on them, and how it was trained."""
