"""The programs that move the bytes, each as a pure function from configuration to files and process.

base.py        `Engine` and the values it is made of: `File`, `Process`, `Check`, `Action`
render.py      templates, strict: an unknown name is an error
sip_fraud.py   `Config` -> the toll-fraud guards of the SIP script
sip_limits.py  `Config` -> what the SIP script knows of limits
sip_policy.py  `Config` and `Network` -> the policy that the SIP script decides by
    trunk_policy.py    the trunks in it
    trunk_accounts.py  what the edge registers with at providers
    trunk_tls.py       TLS profiles and certificates for providers
kamailio.py    SIP: kamailio.cfg, tls.cfg, dispatcher.list, policy.json
siptrace.py    what Kamailio and the tracer agree on
websocket.py   what Kamailio and HAProxy agree on for SIP over WebSocket
router.py      LDAP and H.323: the router's processes and their rules.json
forwards.py    `Config` and `Network` -> which further ports lead to PBXs
acme.py        what HAProxy and ACME agree on
haproxy/       what is neither SIP nor audio: haproxy.cfg, a fragment for each service; certificate.pem
sni.py        certificates for names of their own
acme.py       what HAProxy and the certificates' part agree on about ACME
dnsmasq.py    DNS for the local network: dnsmasq.conf
coturn.py     STUN and TURN: turnserver.conf, tables.json, fence.nft, certificate.pem, key.pem
    turn_tables.py     accounts, secrets, peers and quotas, which coturn looks up
    turn_credentials.py  time-limited credentials, as browsers take them
    turn_fence.py      what the kernel lets relayed packets reach
rtpengine.py   RTP: everything is on its command line
templates/     the files' texts
"""
