"""Real phones, driven the same way: ``device`` what a phone is set up with and can do, ``baresip``, ``linphone``."""
