"""What a student wrote, made harmless before anybody opens it: outputs and text cells."""
