# The module exists only inside Kamailio; `voxgate_sip.ksr` says what the script uses of it.
