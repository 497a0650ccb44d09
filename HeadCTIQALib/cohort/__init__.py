"""Many scans at once: what readers said of them, how scores are fitted to that, and how well both agree."""
