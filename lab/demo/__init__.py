"""`make demo`: real phones call through an edge in a network of namespaces, and each claim is proven by what was heard.

``stage``     the network with edge and PBXs in it; tests/scenarios stand on it too
``claim``     what a claim is and what became of it: values
``talking``   claims about calls between real phones and PBXs
``browsing``  claims about a page in a browser
``trunking``  the claim about a SIP provider
``gatekeeping``  the claim about H.323
``signing``   the claim about certificates by ACME
``failing``   the claim about a node that dies during a series of calls
``phonebook`` the claim about LDAP
``webpages``  the claim about HTTPS
``explaining`` the claim that a call is explained in words
``administering``  the claim about the web page
``relayed``   the claim that a browser calls through TURN alone
``secret``    the claim that an encrypted call cannot be listened to outside
``refusing``  claims about what the edge does not do; ``stranger`` writes SIP by hand for them
``table``     all claims, in which lane they run (a lane is one after the other, lanes run at once)
``show``      drawing, live progress, the table of results, JSON
``run``       the driver: builds, runs the lanes, cleans up
"""
