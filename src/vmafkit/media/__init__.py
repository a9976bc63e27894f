"""What a video is: probing, raw formats, windows, colour and HDR facts."""
