"""OpenStack Swift, as Debian packages it, whole in one process: its proxy, account, container and object server.

Arguments: an empty directory, and the port of a memcached. Prints the port of the proxy once it serves, which
speaks Swift's own API with TempAuth, and S3.
"""
# SPDX-License-Identifier: BSD-2-Clause

import os
import sys

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi
from swift.common import utils
from swift.common.ring import RingBuilder
from swift.common.wsgi import loadapp

KINDS = ("account", "container", "object")

SWIFT = """
[swift-hash]
swift_hash_path_prefix = test
swift_hash_path_suffix = test
[storage-policy:0]
name = only
default = yes
"""

PROXY = """
[DEFAULT]
swift_dir = {place}
[pipeline:main]
pipeline = catch_errors cache s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached}
[filter:s3api]
use = egg:swift#s3api
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = hunter2 .admin
"""

STORAGE = """
[DEFAULT]
swift_dir = {place}
devices = {place}/devices
mount_check = false
disable_fallocate = true
recon_cache_path = {place}/cache
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""


class Quiet:
    def write(self, text):
        pass

    debug = info = write


def main(place, memcached):
    for name in ("devices/one", "cache"):
        os.makedirs(os.path.join(place, name))
    write(place, "swift", SWIFT)
    utils.SWIFT_CONF_FILE = os.path.join(place, "swift.conf")
    utils.validate_hash_conf()
    sockets = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in ("proxy",) + KINDS}
    for kind in KINDS:
        ring(place, kind, sockets[kind].getsockname()[1])
        write(place, kind, STORAGE.format(place=place, kind=kind))
    write(place, "proxy", PROXY.format(place=place, memcached=memcached))
    for kind, socket in sockets.items():
        app = loadapp(os.path.join(place, kind + ".conf"))
        eventlet.spawn(wsgi.server, socket, app, log=Quiet(), log_output=False)
    print(sockets["proxy"].getsockname()[1], flush=True)
    # The test that started it holds the other end, and ends with it.
    eventlet.tpool.execute(sys.stdin.read)


def write(place, name, text):
    with open(os.path.join(place, name + ".conf"), "w") as file:
        file.write(text)


def ring(place, kind, port):
    builder = RingBuilder(1, 1, 1)
    device = dict(id=0, region=1, zone=1, ip="127.0.0.1", port=port, device="one", weight=1)
    device.update(replication_ip="127.0.0.1", replication_port=port, meta="")
    builder.add_dev(device)
    builder.rebalance()
    builder.get_ring().save(os.path.join(place, kind + ".ring.gz"))


main(*sys.argv[1:])
