"""Video files in; poster, ladder, storyboard and MP4 out."""
