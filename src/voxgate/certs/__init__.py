"""Certificates for TLS.

selfsigned.py   a self-signed certificate, so that TLS works before there is a better one
store.py        which certificate and key are shown: the operator's files, or the self-signed one
"""
