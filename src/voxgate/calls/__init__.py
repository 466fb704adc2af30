"""What happens to calls outside signalling.

hangup.py     an answered call's record -> the two BYE requests that end it (pure)
timeouts.py   rtpengine reports that a call's media stopped; the call is ended on both sides
"""
