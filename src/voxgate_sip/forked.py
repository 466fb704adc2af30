"""What a process of Kamailio must not share with its siblings after the fork.

Kamailio lets OpenSSL allocate in shared memory and initialises it before it forks. OpenSSL's state of the main thread,
its error queue above all, is then one object that all processes write and free at the same time: under many handshakes
at once one of them crashes, and every call with it (Kamailio issue 3695; versions from 5.8 on have an option for this,
version 5.6 has none). So the parent gives its state back before each fork, and whoever needs one gets its own.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

#: OpenSSL 3, on Debian 12 and 13 alike.
LIBCRYPTO: Final = "libcrypto.so.3"


def part_from_openssl_at_fork() -> bool:
    """From now on, free OpenSSL's state of the forking thread before each fork; False where OpenSSL is not loaded.

    OPENSSL_init_crypto(3): OPENSSL_thread_stop. No Python runs at the fork: the handler is the C function itself.
    """
    try:
        libcrypto = ctypes.CDLL(LIBCRYPTO, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
    except OSError:
        return False
    # What pthread_atfork(3) calls; that one is linked statically into each program.
    register = ctypes.CDLL(None)["__register_atfork"]
    register.argtypes = (ctypes.c_void_p,) * 4
    register(ctypes.cast(libcrypto.OPENSSL_thread_stop, ctypes.c_void_p), None, None, None)
    return True
