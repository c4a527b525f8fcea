"""What arrives becomes rows: OTLP, transcripts and posted documents are decoded, stripped of content and journalled."""
